#include "oneshot/weight_values.h"

#include <torch/utils.h>

#include <limits>

#include "coppice/model/torch_tensors.h"

namespace coppice::oneshot {

bool is_infinity_mask(const StoredTensor& tensor) {
  const auto values = as_tensor(tensor);
  bool has_infinity = false;
  for (int64_t i = 0; i < values.size(0); ++i) {
    const auto row = values.select(0, i);
    const auto infinite = row.eq(-std::numeric_limits<double>::infinity());
    if (!infinite.logical_or(row.eq(0)).all().item<bool>()) {
      return false;
    }
    has_infinity = has_infinity || infinite.any().item<bool>();
  }
  return has_infinity;
}

void rethrow_of(const StoredTensor& tensor, c10::Error& error) {
  TORCH_CHECK_VALUE(
      torch::isfinite(as_tensor(tensor)).all().item<bool>(),
      "`",
      tensor.name,
      "` holds NaN or infinity, which have no rank; leave it out "
      "(`--exclude ",
      tensor.name,
      "`, or `ignore` in a recipe)");
  error.add_context(c10::str("while pruning `", tensor.name, "`"));
  throw error;
}

} // namespace coppice::oneshot
