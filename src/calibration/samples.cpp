#include "calibration/samples.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>

#include <algorithm>
#include <utility>

#include "graph/map_tensors.h"
#include "graph/model_inputs.h"
#include "graph/run_script.h"

namespace coppice::calibration {
namespace {

using torch::Tensor;

/// The first sample that holds NaN or infinity; -1 if none does. Minus infinity
/// is allowed: masks of attention have it. Looks at some at a time: all
/// together they may be larger than memory.
int64_t first_not_finite(const Tensor& tensor) {
  if (!tensor.is_floating_point() || tensor.numel() == 0) {
    return -1;
  }
  constexpr int64_t kElements = int64_t(1) << 22;
  const auto count = tensor.size(0);
  const auto few = std::max<int64_t>(1, kElements / (tensor.numel() / count));
  for (int64_t begin = 0; begin < count; begin += few) {
    const auto part = tensor.narrow(0, begin, std::min(few, count - begin));
    const auto good = at::isfinite(part).logical_or_(at::isneginf(part));
    if (!good.all().item<bool>()) {
      const auto rows = good.reshape({good.size(0), -1}).all(1).logical_not();
      return begin + rows.nonzero()[0].item<int64_t>();
    }
  }
  return -1;
}

/// Without oneDNN, LibTorch runs an LSTM op by op, so that its weights are
/// seen.
class WithoutFusedLayers {
 public:
  WithoutFusedLayers() : was_on_(at::globalContext().userEnabledMkldnn()) {}
  ~WithoutFusedLayers() {
    at::globalContext().setUserEnabledMkldnn(was_on_);
  }
  WithoutFusedLayers(const WithoutFusedLayers&) = delete;
  WithoutFusedLayers& operator=(const WithoutFusedLayers&) = delete;

  void turn_off() const {
    at::globalContext().setUserEnabledMkldnn(false);
  }

 private:
  bool was_on_;
};

} // namespace

bool has_op(const torch::jit::Module& module, const char* name) {
  const auto kind = c10::Symbol::fromQualString(name);
  for (const auto& each : module.modules()) {
    for (const auto& method : each.get_methods()) {
      auto graph = method.graph();
      torch::jit::DepthFirstGraphNodeIterator nodes(graph);
      for (auto* node = nodes.next(); node != nullptr; node = nodes.next()) {
        if (node->kind() == kind) {
          return true;
        }
      }
    }
  }
  return false;
}

Samples::Samples(
    const torch::jit::Module& module,
    std::vector<c10::IValue> inputs,
    bool are_single)
    : inputs_(std::move(inputs)), are_single_(are_single) {
  const auto arguments = graph::arguments_of(module);
  TORCH_CHECK_VALUE(
      !graph::takes_gradients(module),
      "calibration: the model computes gradients in `forward`, and samples run "
      "without them; give a model without that part");
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const auto name = i < arguments.size() ? arguments[i].name() : "";
    graph::map_tensors(inputs_[i], [&](const Tensor& tensor) {
      if (tensor.dim() == 0) {
        return tensor;
      }
      TORCH_CHECK_VALUE(
          count_ < 0 || tensor.size(0) == count_,
          "calibration: expected ",
          count_,
          " samples for input `",
          name,
          "` as for those before it, got shape ",
          tensor.sizes());
      count_ = tensor.size(0);
      const auto bad = first_not_finite(tensor);
      TORCH_CHECK_VALUE(
          bad < 0,
          "calibration: input `",
          name,
          "` holds NaN or infinity in sample ",
          bad,
          "; leave such samples out");
      return tensor;
    });
  }
  TORCH_CHECK_VALUE(
      count_ != -1,
      "calibration: no input has a sample dimension; stack samples along "
      "dimension 0");
  TORCH_CHECK_VALUE(
      count_ > 0, "calibration: there are no samples; give a few hundred");
}

std::vector<c10::IValue>
Samples::batch(const SampleIndices& which, int64_t begin, int64_t end) const {
  const auto indices = torch::tensor(
      std::vector<int64_t>(which.begin() + begin, which.begin() + end),
      torch::kLong);
  std::vector<c10::IValue> batch;
  for (const auto& input : inputs_) {
    batch.push_back(graph::map_tensors(input, [&](const Tensor& tensor) {
      if (tensor.dim() == 0) {
        return tensor.clone();
      }
      auto rows = tensor.index_select(0, indices);
      return are_single_ ? rows.squeeze(0) : rows;
    }));
  }
  return batch;
}

void run_samples(
    torch::jit::Module& module,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch,
    const std::function<void(int64_t, int64_t, c10::IValue)>& take) {
  const torch::NoGradGuard no_grad;
  const torch::jit::GraphOptimizerEnabledGuard op_by_op(false);
  const WithoutFusedLayers without_fused;
  if (has_op(module, "aten::lstm")) {
    without_fused.turn_off();
  }
  module.eval();
  const auto count = static_cast<int64_t>(which.size());
  for (int64_t begin = 0; begin < count; begin += batch) {
    const int64_t end = std::min(begin + batch, count);
    c10::IValue output;
    try {
      output = run_script(module, samples.batch(which, begin, end));
    } catch (c10::Error& error) {
      error.add_context(
          c10::str("on samples ", which[begin], " to ", which[end - 1]));
      throw;
    }
    take(begin, end, std::move(output));
  }
}

} // namespace coppice::calibration
