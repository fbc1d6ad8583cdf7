#include "oneshot/calibration.h"

#include <algorithm>
#include <utility>

#include "graph/model_inputs.h"
#include "graph/run_script.h"
#include "graph/value_text.h"

namespace coppice::oneshot {
namespace {

/// Puts a model into evaluation mode during its lifetime.
class Evaluating {
 public:
  explicit Evaluating(const torch::jit::Module& module) {
    for (const auto& each : module.modules()) {
      if (each.hasattr("training")) {
        was_training_.emplace_back(each, each.is_training());
      }
    }
    for (auto& [each, was] : was_training_) {
      each.setattr("training", false);
    }
  }
  ~Evaluating() {
    for (auto& [each, was] : was_training_) {
      each.setattr("training", was);
    }
  }
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;

 private:
  std::vector<std::pair<torch::jit::Module, bool>> was_training_;
};

/// `tensor` as an argument of type `type`.
c10::IValue as_argument(const torch::Tensor& tensor, const c10::TypePtr& type) {
  if (type->isSubtypeOf(*c10::IntType::get())) {
    return tensor.item<int64_t>();
  }
  if (type->isSubtypeOf(*c10::FloatType::get())) {
    return tensor.item<double>();
  }
  if (type->isSubtypeOf(*c10::BoolType::get())) {
    return tensor.item<bool>();
  }
  return tensor;
}

} // namespace

Calibration::Calibration(
    const torch::jit::Module& module,
    std::vector<torch::Tensor> inputs)
    : inputs_(std::move(inputs)) {
  const auto forward = module.find_method("forward");
  TORCH_CHECK_VALUE(
      forward.has_value(),
      "calibration: the model has no method `forward` to run");
  TORCH_CHECK_VALUE(
      !graph::takes_gradients(module),
      "calibration: the model computes gradients in `forward`, and samples run "
      "without them; give a model without that part");
  const auto& arguments = forward->function().getSchema().arguments();
  const auto takes = arguments.size() - 1; // The first is the model itself.
  const auto needs = std::count_if(
      arguments.begin() + 1, arguments.end(), [](const c10::Argument& each) {
        return !each.default_value();
      });
  TORCH_CHECK_VALUE(
      inputs_.size() <= takes && static_cast<int64_t>(inputs_.size()) >= needs,
      "calibration: the model takes ",
      takes,
      takes == 1 ? " input" : " inputs",
      ", the calibration has ",
      inputs_.size(),
      inputs_.size() == 1 ? " tensor" : " tensors");
  samples_ = -1;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const auto& argument = arguments[i + 1];
    const auto& type = argument.type();
    types_.push_back(type);
    TORCH_CHECK_VALUE(
        inputs_[i].dim() > 0 || !type->isSubtypeOf(*c10::TensorType::get()) ||
            inputs_.size() > 1,
        "calibration: the tensor for input `",
        argument.name(),
        "` has no sample dimension");
    if (inputs_[i].dim() == 0) {
      continue;
    }
    TORCH_CHECK_VALUE(
        c10::TensorType::get()->isSubtypeOf(*type) ||
            type->isSubtypeOf(*c10::TensorType::get()),
        "calibration: input `",
        argument.name(),
        "` of the model is of type ",
        graph::without_mangled_names(type->repr_str()),
        ", the calibration has a tensor of shape ",
        inputs_[i].sizes());
    if (samples_ < 0) {
      samples_ = inputs_[i].size(0);
    }
    TORCH_CHECK_VALUE(
        inputs_[i].size(0) == samples_,
        "calibration: expected ",
        samples_,
        " samples for input `",
        argument.name(),
        "` as for those before it, got shape ",
        inputs_[i].sizes());
  }
  TORCH_CHECK_VALUE(samples_ > 0, "calibration: there are no samples");
}

std::vector<c10::IValue> Calibration::batch_of(int64_t begin, int64_t end)
    const {
  std::vector<c10::IValue> batch;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const auto& input = inputs_[i];
    // A copy: models may write to their inputs, and a mapped file is read-only.
    batch.push_back(as_argument(
        (input.dim() == 0 ? input : input.slice(0, begin, end)).clone(),
        types_[i]));
  }
  return batch;
}

void Calibration::run(
    torch::jit::Module& module,
    int64_t batch,
    const std::function<void(int64_t done, int64_t total)>& progress) const {
  TORCH_CHECK_VALUE(
      batch > 0, "calibration: expected a batch of 1 or more, got ", batch);
  const torch::NoGradGuard no_grad;
  const Evaluating evaluating(module);
  for (int64_t begin = 0; begin < samples_; begin += batch) {
    const int64_t end = std::min(begin + batch, samples_);
    try {
      run_script(module, batch_of(begin, end));
    } catch (c10::Error& error) {
      error.add_context(c10::str("on samples ", begin, " to ", end - 1));
      throw;
    }
    if (progress) {
      progress(end, samples_);
    }
  }
}

} // namespace coppice::oneshot
