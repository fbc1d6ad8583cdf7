#include "oneshot/sampled_file.h"

#include <algorithm>
#include <vector>

#include "coppice/model/torch_tensors.h"
#include "io/output_file.h"
#include "io/rewrite.h"

namespace coppice::oneshot {
namespace {

/// The bytes of a tensor's range with `values`; gaps keep their bytes.
std::vector<std::byte> bytes_with(
    const StoredTensor& tensor,
    const torch::Tensor& values,
    ByteRange range) {
  std::vector<std::byte> bytes(
      tensor.data, tensor.data + (range.end - range.begin));
  torch::from_blob(
      bytes.data(),
      tensor.shape,
      tensor.strides,
      torch::TensorOptions().dtype(*scalar_type_of(tensor.dtype)))
      .copy_(values);
  return bytes;
}

/// Whether the elements lie as those of the tensor's place do.
bool lies_as(const StoredTensor& tensor, const torch::Tensor& values) {
  return tensor.is_contiguous() && values.is_contiguous() &&
      values.scalar_type() == scalar_type_of(tensor.dtype);
}

} // namespace

void write_changed(
    const Checkpoint& input,
    const std::map<size_t, torch::Tensor>& changed,
    const std::string& path) {
  std::vector<Change> changes;
  for (const auto& [index, values] : changed) {
    const auto& tensor = input.state.tensors[index];
    const auto range = place_of(tensor, input).range;
    changes.push_back(
        {range, [&tensor, values = values, range](const ByteSink& sink) {
           if (lies_as(tensor, values)) {
             sink(values.data_ptr(), range.end - range.begin);
             return;
           }
           const auto bytes = bytes_with(tensor, values, range);
           sink(bytes.data(), bytes.size());
         }});
  }
  std::sort(
      changes.begin(), changes.end(), [](const Change& a, const Change& b) {
        return a.range.begin < b.range.begin;
      });
  OutputFile file(path, input.files.front()->size());
  rewrite_file(input, 0, changes, file);
  file.commit();
}

} // namespace coppice::oneshot
