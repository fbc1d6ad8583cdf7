#include "compile/layer_rows.h"

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "coppice/masks/measure.h"

namespace coppice::compiling {
namespace {

/// Identifies a weight by its memory.
using Memory = std::pair<const void*, size_t>;

Memory memory_of(const torch::Tensor& weight) {
  return {weight.data_ptr(), weight.nbytes()};
}

/// Counts the bytes of each weight once.
class BytesOnce {
 public:
  int64_t of(const std::vector<torch::Tensor>& weights) {
    int64_t bytes = 0;
    for (const auto& weight : weights) {
      if (known_.insert(memory_of(weight)).second) {
        bytes += static_cast<int64_t>(weight.nbytes());
      }
    }
    return bytes;
  }

  int64_t of(const PackedWeight& weight) {
    const auto bytes = static_cast<int64_t>(weight.nbytes());
    return known_.insert({&weight, 0}).second ? bytes : 0;
  }

 private:
  std::set<Memory> known_;
};

CompiledLayer row_of(const LeftLayer& left) {
  CompiledLayer row;
  row.layer = left.layer_fqn;
  row.kind = left.kind;
  row.why_left = left.why_left;
  row.format = Candidate().name();
  if (left.weights.empty()) {
    return row;
  }
  row.weight = left.weights.front();
  row.shape = row.weight.sizes().vec();
  double zeros = 0;
  double all = 0;
  for (const auto& weight : left.weights) {
    const auto count = static_cast<double>(weight.numel());
    zeros += count > 0 ? sparsity(weight) * count : 0;
    all += count;
  }
  row.sparsity = all > 0 ? zeros / all : 0;
  return row;
}

class Rows {
 public:
  void add(
      CompiledLayer row,
      const std::vector<torch::Tensor>& weights,
      const PackedWeight* packed) {
    row.bytes_before = before_.of(weights);
    row.bytes_after = packed ? packed_.of(*packed) : left_.of(weights);
    if (!weights.empty()) {
      row.call = ++calls_[{row.layer, memory_of(weights.front())}];
      row.is_repeated = row.bytes_before == 0;
    }
    rows_.push_back(std::move(row));
  }

  std::vector<CompiledLayer> take() {
    return std::move(rows_);
  }

 private:
  std::vector<CompiledLayer> rows_;
  std::map<std::pair<std::string, Memory>, int64_t> calls_;
  BytesOnce before_, left_, packed_;
};

} // namespace

void share_packed_weights(
    const std::vector<WeightOp>& ops,
    std::vector<LayerChoice>& choices) {
  using Key = std::tuple<Memory, PackedFormat, torch::ScalarType, int64_t>;
  std::map<Key, c10::intrusive_ptr<PackedWeight>> known;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (auto& weight = choices[i].weight) {
      const Key key{
          memory_of(ops[i].weight),
          weight->format(),
          weight->dtype(),
          weight->batch()};
      weight = known.emplace(key, weight).first->second;
    }
  }
}

std::vector<CompiledLayer> layer_rows(
    const std::vector<WeightOp>& ops,
    const std::vector<LayerChoice>& choices,
    const std::vector<LeftLayer>& left) {
  Rows rows;
  size_t next = 0;
  for (size_t i = 0; i <= ops.size(); ++i) {
    for (; next < left.size() && left[next].place <= i; ++next) {
      rows.add(row_of(left[next]), left[next].weights, nullptr);
    }
    if (i < ops.size()) {
      const auto& choice = choices[i];
      rows.add(choice.layer, {ops[i].weight}, choice.weight.get());
    }
  }
  return rows.take();
}

} // namespace coppice::compiling
