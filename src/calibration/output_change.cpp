#include "calibration/output_change.h"

#include <ATen/ATen.h>

#include <cmath>

#include "graph/map_tensors.h"

namespace coppice::calibration {
namespace {

using torch::Tensor;

/// The floating tensors of an output.
std::vector<Tensor> floating_in(const c10::IValue& output) {
  std::vector<Tensor> found;
  graph::map_tensors(output, [&](const Tensor& tensor) {
    if (tensor.defined() && tensor.is_floating_point() && tensor.dim() > 0) {
      found.push_back(tensor.to(torch::kDouble));
    }
    return tensor;
  });
  return found;
}

/// The dimension of classes last: it is dimension 1 of dense predictions.
Tensor classes_last(const Tensor& output) {
  return output.dim() >= 4 ? output.movedim(1, -1) : output;
}

bool are_probabilities(const Tensor& output) {
  return output.ge(0).all().item<bool>() && output.le(1).all().item<bool>();
}

Tensor log_probabilities(const Tensor& output) {
  const bool are = are_probabilities(output) &&
      output.sum(-1).sub(1).abs().lt(1e-3).all().item<bool>();
  return are ? output.clamp_min(1e-12).log() : output.log_softmax(-1);
}

double count(const Tensor& is) {
  return static_cast<double>(is.sum().item<int64_t>());
}

std::optional<double> mean_of(double part, double whole) {
  return whole > 0 ? std::make_optional(part / whole) : std::nullopt;
}

} // namespace

void OutputComparison::add(
    const c10::IValue& dense,
    const c10::IValue& pruned,
    const SampleIndices& which) {
  samples_ += static_cast<int64_t>(which.size());
  const auto before = floating_in(dense);
  const auto after = floating_in(pruned);
  for (size_t i = 0; i < before.size() && i < after.size(); ++i) {
    if (before[i].sizes() == after[i].sizes()) {
      difference_ += (after[i] - before[i]).square().sum().item<double>();
      outputs_ += before[i].square().sum().item<double>();
    }
  }
  // Decisions are compared on the first output.
  const bool can_be_told = !before.empty() && !after.empty() &&
      before[0].sizes() == after[0].sizes();
  TORCH_CHECK_VALUE(
      can_be_told || !labels_.defined(),
      "labels: the model returns no floating tensor to compare them with");
  if (!can_be_told) {
    return;
  }
  const auto first = classes_last(before[0]);
  const auto second = classes_last(after[0]);
  if (first.size(-1) > 1) {
    add_classes(first, second, which);
  } else {
    add_sides(first, second);
  }
  if (labels_.defined()) {
    add_accuracy(first, second, which);
  }
}

void OutputComparison::add_classes(
    const Tensor& dense,
    const Tensor& pruned,
    const SampleIndices& /*which*/) {
  const auto same = dense.argmax(-1).eq(pruned.argmax(-1));
  agreeing_ += count(same);
  compared_ += static_cast<double>(same.numel());
  const auto p = log_probabilities(dense);
  const auto q = log_probabilities(pruned);
  divergence_ += (p.exp() * (p - q)).sum().item<double>();
  distributions_ += static_cast<double>(same.numel());
}

void OutputComparison::add_sides(const Tensor& dense, const Tensor& pruned) {
  const double middle = are_probabilities(dense) ? 0.5 : 0;
  const auto same = dense.gt(middle).eq(pruned.gt(middle));
  agreeing_ += count(same);
  compared_ += static_cast<double>(same.numel());
}

void OutputComparison::add_accuracy(
    const Tensor& dense,
    const Tensor& pruned,
    const SampleIndices& which) {
  const auto own = labels_.index_select(0, torch::tensor(which, torch::kLong));
  const auto classes = dense.size(-1);
  const auto chosen = [&](const Tensor& output) {
    return classes > 1 ? output.argmax(-1)
                       : output.squeeze(-1)
                             .gt(are_probabilities(dense) ? 0.5 : 0)
                             .to(torch::kLong);
  };
  const auto before = chosen(dense);
  TORCH_CHECK_VALUE(
      own.numel() == before.numel(),
      "labels: expected one for each of the model's decisions, ",
      before.numel(),
      " for ",
      which.size(),
      " samples, got ",
      own.numel());
  TORCH_CHECK_VALUE(
      own.min().item<int64_t>() >= 0 &&
          own.max().item<int64_t>() < std::max<int64_t>(2, classes),
      "labels: the model has ",
      std::max<int64_t>(2, classes),
      " classes, but a label is ",
      own.max().item<int64_t>());
  const auto right = own.reshape(before.sizes());
  labelled_ += static_cast<double>(right.numel());
  right_before_ += count(before.eq(right));
  right_after_ += count(chosen(pruned).eq(right));
}

OutputChange OutputComparison::change() const {
  OutputChange change;
  change.samples = samples_;
  change.relative_error = outputs_ > 0 ? std::sqrt(difference_ / outputs_) : 0;
  change.agreement = mean_of(agreeing_, compared_);
  change.divergence = mean_of(divergence_, distributions_);
  change.accuracy_before = mean_of(right_before_, labelled_);
  change.accuracy_after = mean_of(right_after_, labelled_);
  return change;
}

} // namespace coppice::calibration
