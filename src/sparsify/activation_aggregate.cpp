#include "sparsify/activation_aggregate.h"

#include <c10/core/InferenceMode.h>
#include <c10/core/ScalarType.h>
#include <torch/torch.h>

#include <algorithm>

#include "sparsify/shipped_aggregate.h"

namespace coppice::sparsify {
namespace {

/// Aggregates outlive the caller's grad and inference mode, so they are made
/// without a graph and as normal tensors.
struct PlainTensors {
  c10::InferenceMode inference{false};
  torch::NoGradGuard no_grad;
};

int64_t rows_of(torch::IntArrayRef shape) {
  return shape.empty() ? 1 : shape[0];
}

/// Whether two shapes are equal, or differ in dimension 0 alone.
bool same_but_for_the_batch(torch::IntArrayRef a, torch::IntArrayRef b) {
  return a == b ||
      (!a.empty() && a.size() == b.size() && a.slice(1) == b.slice(1));
}

/// `data`, extended by the rows of `seed` beyond its own.
torch::Tensor extended(const torch::Tensor& data, const torch::Tensor& seed) {
  const int64_t rows = data.size(0);
  return torch::cat({data, seed.narrow(0, rows, seed.size(0) - rows)});
}

/// Sums divided by the number of samples in each row.
torch::Tensor mean_of(
    const torch::Tensor& sum,
    const std::vector<int64_t>& samples) {
  if (sum.dim() == 0) {
    return sum.div(samples.at(0));
  }
  std::vector<int64_t> column(sum.dim(), 1);
  column[0] = sum.size(0);
  const auto divisors = torch::tensor(samples, torch::kLong).reshape(column);
  return sum.div(divisors.to(sum.options()));
}

} // namespace

ActivationAggregate::ActivationAggregate(ActivationOptions options)
    : options_(std::move(options)) {}

void ActivationAggregate::add(const torch::Tensor& activation) {
  const PlainTensors plain;
  const auto entering = parts_of(activation);
  const std::lock_guard<std::mutex> lock(mutex_);
  for (size_t i = 0; i < parts_.size(); ++i) {
    check_fits(parts_[i], entering[i]);
  }
  if (has_data_ && options_.aggregate_fn().shipped()) {
    add_all(parts_, entering); // In place: it cannot fail after the checks.
  } else {
    auto parts = parts_;
    parts.resize(entering.size());
    add_all(parts, entering);
    parts_ = std::move(parts);
  }
  if (!entering.empty()) {
    count_samples(rows_of(entering[0].sizes()));
  }
  has_data_ = true;
}

void ActivationAggregate::add_all(
    std::vector<Part>& parts,
    const std::vector<torch::Tensor>& entering) const {
  const bool ships = options_.aggregate_fn().shipped() != nullptr;
  for (size_t i = 0; i < entering.size(); ++i) {
    ships ? add_shipped(parts[i], entering[i])
          : add_users(parts[i], entering[i]);
    grow(parts[i], entering[i]);
  }
}

std::vector<torch::Tensor> ActivationAggregate::parts_of(
    const torch::Tensor& activation) const {
  if (!options_.features()) {
    return {activation};
  }
  const int64_t dim = *options_.feature_dim();
  TORCH_CHECK_VALUE(
      dim >= -activation.dim() && dim < activation.dim(),
      "feature_dim ",
      dim,
      " is out of range: the activation has shape ",
      activation.sizes());
  std::vector<torch::Tensor> parts;
  for (const int64_t feature : *options_.features()) {
    TORCH_CHECK_VALUE(
        feature >= 0 && feature < activation.size(dim),
        "feature ",
        feature,
        " is out of range: dimension ",
        dim,
        " of the activation has ",
        activation.size(dim));
    // Contiguous, so that sums are rounded in the same order as the
    // reference's.
    parts.push_back(activation.narrow(dim, feature, 1).contiguous());
  }
  return parts;
}

void ActivationAggregate::check_fits(
    const Part& part,
    const torch::Tensor& activation) const {
  const auto* shipped = options_.aggregate_fn().shipped();
  TORCH_CHECK_VALUE(
      shipped == nullptr ||
          torch::can_cast(activation.scalar_type(), part.data.scalar_type()),
      "an activation of dtype ",
      activation.scalar_type(),
      " came after one of dtype ",
      part.data.scalar_type());
  const auto shape = activation.sizes();
  const bool fits = options_.aggregate_fn().takes_any_batch_size()
      ? same_but_for_the_batch(part.shape, shape)
      : shape.equals(part.shape);
  TORCH_CHECK_VALUE(
      fits,
      "an activation of shape ",
      shape,
      " came after one of shape ",
      torch::IntArrayRef(part.shape),
      options_.aggregate_fn().takes_any_batch_size()
          ? "; only dimension 0, the batch, may differ"
          : "; an aggregate function of your own gets batches of one size, "
            "unless it is made by AggregateFunction::of_any_batch_size");
}

void ActivationAggregate::add_shipped(
    Part& part,
    const torch::Tensor& activation) const {
  const auto& shipped = *options_.aggregate_fn().shipped();
  auto value = shipped.value(activation);
  if (shipped.is_mean) {
    value = value.to(c10::promoteTypes(value.scalar_type(), torch::kFloat));
  }
  // Sums are the same from 0 as from the first value.
  const auto seed = [&] {
    return shipped.is_maximum && first_value_seed() ? value.clone()
                                                    : torch::zeros_like(value);
  };
  if (!part.data.defined()) {
    part.data = seed();
  }
  const int64_t rows = rows_of(value.sizes());
  if (rows > rows_of(part.data.sizes())) {
    part.data = extended(part.data, seed());
  }
  auto first_rows = rows < rows_of(part.data.sizes())
      ? part.data.narrow(0, 0, rows)
      : part.data;
  shipped.add(first_rows, value);
}

void ActivationAggregate::add_users(Part& part, const torch::Tensor& activation)
    const {
  if (!part.data.defined() && first_value_seed()) {
    part.data = activation.clone();
    return;
  }
  const auto before =
      part.data.defined() ? part.data : torch::zeros_like(activation);
  auto after = options_.aggregate_fn().function()(before, activation.detach());
  TORCH_CHECK_VALUE(
      after.defined(), "the aggregate function returned no tensor");
  // The caller may write to its activation later.
  part.data = after.is_alias_of(activation) ? after.clone() : after.detach();
}

bool ActivationAggregate::first_value_seed() const {
  return options_.first_value_seed().value_or(false);
}

void ActivationAggregate::grow(Part& part, const torch::Tensor& activation) {
  if (part.shape.empty()) {
    part.shape = activation.sizes().vec();
    part.options = activation.options();
  } else if (part.shape.size() == static_cast<size_t>(activation.dim())) {
    part.shape[0] = std::max(part.shape[0], activation.size(0));
  }
}

void ActivationAggregate::count_samples(int64_t rows) {
  const auto* shipped = options_.aggregate_fn().shipped();
  if (shipped == nullptr || !shipped->is_mean) {
    return;
  }
  samples_.resize(std::max<size_t>(samples_.size(), rows));
  for (int64_t row = 0; row < rows; ++row) {
    ++samples_[row];
  }
}

std::vector<torch::Tensor> ActivationAggregate::data() const {
  const PlainTensors plain;
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<torch::Tensor> data;
  for (const auto& part : parts_) {
    data.push_back(samples_.empty() ? part.data : mean_of(part.data, samples_));
  }
  return data;
}

std::vector<std::vector<int64_t>> ActivationAggregate::shapes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::vector<int64_t>> shapes;
  for (const auto& part : parts_) {
    shapes.push_back(part.shape);
  }
  return shapes;
}

std::vector<torch::Tensor> ActivationAggregate::ones() const {
  const PlainTensors plain;
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<torch::Tensor> ones;
  for (const auto& part : parts_) {
    ones.push_back(torch::ones(part.shape, part.options));
  }
  return ones;
}

AggregatedActivations ActivationAggregate::state() const {
  const PlainTensors plain;
  const std::lock_guard<std::mutex> lock(mutex_);
  AggregatedActivations state;
  for (const auto& part : parts_) {
    state.data.push_back(part.data.clone());
  }
  state.samples = samples_;
  return state;
}

void ActivationAggregate::restore(
    const AggregatedActivations& state,
    const std::vector<torch::Tensor>& ones) {
  const auto* shipped = options_.aggregate_fn().shipped();
  const bool is_mean = shipped && shipped->is_mean;
  TORCH_CHECK_VALUE(
      state.data.size() == ones.size(),
      "the state has ",
      state.data.size(),
      " aggregated activations but ",
      ones.size(),
      " masks");
  std::vector<Part> parts;
  for (size_t i = 0; i < ones.size(); ++i) {
    const auto& data = state.data[i];
    const auto rows = is_mean ? rows_of(data.sizes()) : 0;
    TORCH_CHECK_VALUE(
        static_cast<int64_t>(state.samples.size()) == rows,
        "the aggregate function `",
        options_.aggregate_fn().name(),
        "` cannot continue from the aggregated activations of another one");
    parts.push_back(
        {data.detach().clone(), ones[i].sizes().vec(), ones[i].options()});
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  parts_ = std::move(parts);
  samples_ = state.samples;
  has_data_ = true;
}

void ActivationAggregate::clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  parts_.clear();
  samples_.clear();
  has_data_ = false;
}

bool ActivationAggregate::has_data() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return has_data_;
}

} // namespace coppice::sparsify
