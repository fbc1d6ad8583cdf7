#include "coppice/sparsify/data_norm_sparsifier.h"

#include <algorithm>

#include "coppice/masks/data_norm.h"
#include "sparsify/group_options.h"

namespace coppice {

DataNormSparsifier::DataNormSparsifier(DataNormOptions options)
    : BaseDataSparsifier(options) {
  sparsify::check_sparsity_level(options.sparsity_level());
  options.check_ranges();
}

DataNormSparsifier::DataNormSparsifier(
    const std::vector<NamedData>& data_list,
    DataNormOptions options)
    : DataNormSparsifier(std::move(options)) {
  for (const auto& entry : data_list) {
    add_data(entry.name, entry.data);
  }
}

torch::Tensor DataNormSparsifier::update_mask(DataGroup& group) {
  const DataNormOptions options(group.options);
  return data_norm_mask(group.data.detach(), options.pattern(), options.norm());
}

void DataNormSparsifier::check_options(const DataGroup& group) const {
  DataNormOptions(group.options).check_ranges();
  const auto shape = group.data.sizes();
  TORCH_CHECK_VALUE(
      std::count_if(
          shape.begin(), shape.end(), [](int64_t size) { return size > 1; }) <=
          2,
      "expected at most two dimensions of more than one element, got shape ",
      shape);
}

Values DataNormSparsifier::describe(const SparsifierOptions& options) const {
  return DataNormOptions(options).with_defaults();
}

std::string DataNormSparsifier::name() const {
  return "DataNormSparsifier";
}

} // namespace coppice
