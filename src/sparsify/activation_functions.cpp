#include "coppice/sparsify/activation_functions.h"

#include <torch/torch.h>

#include <array>
#include <cmath>

#include "coppice/masks/nm.h"
#include "coppice/masks/select.h"
#include "sparsify/group_options.h"
#include "sparsify/shipped_aggregate.h"

namespace coppice {
namespace {

constexpr sparsify::ShippedAggregate kSum{"sum", false, false, false};
constexpr sparsify::ShippedAggregate kMean{"mean", false, false, true};
constexpr sparsify::ShippedAggregate kMax{"max", false, true, false};
constexpr sparsify::ShippedAggregate kAbsSum{"abs_sum", true, false, false};
constexpr sparsify::ShippedAggregate kAbsMean{"abs_mean", true, false, true};
constexpr sparsify::ShippedAggregate kAbsMax{"abs_max", true, true, false};

/// `tensor` in a dtype that has means.
torch::Tensor as_floating(const torch::Tensor& tensor) {
  return tensor.is_floating_point() ? tensor : tensor.to(torch::kFloat);
}

/// The entry of `functions` with this name.
template <typename Function, size_t count>
Function named(
    const char* kind,
    const std::string& name,
    const std::array<Function, count>& functions) {
  if (const auto* found =
          sparsify::find_named(functions, name, &Function::name)) {
    return *found;
  }
  TORCH_CHECK_VALUE(
      false,
      "there is no ",
      kind,
      " function named `",
      name,
      "`; the nearest is `",
      sparsify::nearest_named(functions, name, &Function::name),
      "`");
}

std::string reduce_name(const char* name, bool keepdim) {
  return name + std::string(keepdim ? "_keepdim" : "");
}

const c10::IValue&
option(const Values& config, const char* function, const char* name) {
  const auto found = config.find(name);
  TORCH_CHECK_VALUE(
      found != config.end(),
      "the mask function `",
      function,
      "` needs the option `",
      name,
      "`: give it with ActivationOptions().set(\"",
      name,
      "\", ...)");
  return found->second;
}

double level_of(const Values& config) {
  constexpr const char* kLevel = "sparsity_level";
  const double level =
      sparsify::to_number(kLevel, option(config, "magnitude", kLevel));
  sparsify::check_sparsity_level(level);
  return level;
}

double threshold_of(const Values& config) {
  return sparsify::to_number(
      "threshold", option(config, "threshold", "threshold"));
}

int64_t k_of(const Values& config) {
  const int64_t k = sparsify::to_integer("k", option(config, "top_k", "k"));
  TORCH_CHECK_VALUE(k >= 0, "option `k`: expected 0 or more, got ", k);
  return k;
}

Nm nm_of(const Values& config) {
  const Nm nm{
      sparsify::to_integer("n", option(config, "nm", "n")),
      sparsify::to_integer("m", option(config, "nm", "m"))};
  TORCH_CHECK_VALUE(
      0 < nm.n && nm.n <= nm.m,
      "options `n` and `m`: expected 0 < n <= m, got n=",
      nm.n,
      ", m=",
      nm.m);
  return nm;
}

torch::Tensor magnitude_mask(
    const torch::Tensor& reduced,
    const Values& config) {
  const auto count = static_cast<int64_t>(
      std::nearbyint(level_of(config) * static_cast<double>(reduced.numel())));
  return drop_lowest_mask(as_floating(reduced).abs(), count);
}

torch::Tensor threshold_mask(
    const torch::Tensor& reduced,
    const Values& config) {
  return reduced.abs().gt(threshold_of(config));
}

torch::Tensor top_k_mask(const torch::Tensor& reduced, const Values& config) {
  const int64_t k = k_of(config);
  TORCH_CHECK_VALUE(
      k <= reduced.numel(),
      "option `k`: ",
      k,
      " elements cannot be kept of a reduced activation of shape ",
      reduced.sizes());
  return drop_lowest_mask(as_floating(reduced).abs(), reduced.numel() - k);
}

torch::Tensor last_dimension_nm_mask(
    const torch::Tensor& reduced,
    const Values& config) {
  TORCH_CHECK_VALUE(
      reduced.dim() > 0 && reduced.numel() > 0,
      "the mask function `nm` needs neighbours along a last dimension, but the "
      "reduced activation has shape ",
      reduced.sizes());
  const auto rows = as_floating(reduced).abs().reshape({-1, reduced.size(-1)});
  return nm_mask(rows, nm_of(config)).reshape(reduced.sizes());
}

} // namespace

AggregateFunction::AggregateFunction(const sparsify::ShippedAggregate& shipped)
    : name_(shipped.name), shipped_(&shipped), any_batch_size_(true) {}

AggregateFunction AggregateFunction::of_any_batch_size(Function function) {
  AggregateFunction aggregate(std::move(function));
  aggregate.any_batch_size_ = true;
  return aggregate;
}

AggregateFunction aggregate_sum() {
  return AggregateFunction(kSum);
}
AggregateFunction aggregate_mean() {
  return AggregateFunction(kMean);
}
AggregateFunction aggregate_max() {
  return AggregateFunction(kMax);
}
AggregateFunction aggregate_abs_sum() {
  return AggregateFunction(kAbsSum);
}
AggregateFunction aggregate_abs_mean() {
  return AggregateFunction(kAbsMean);
}
AggregateFunction aggregate_abs_max() {
  return AggregateFunction(kAbsMax);
}

ReduceFunction reduce_none() {
  return {"none", [](const torch::Tensor& x) { return x; }};
}
ReduceFunction reduce_mean(bool keepdim) {
  return {reduce_name("mean", keepdim), [keepdim](const torch::Tensor& x) {
            return as_floating(x).mean({0}, keepdim);
          }};
}
ReduceFunction reduce_sum(bool keepdim) {
  return {reduce_name("sum", keepdim), [keepdim](const torch::Tensor& x) {
            return x.sum({0}, keepdim);
          }};
}
ReduceFunction reduce_max(bool keepdim) {
  return {reduce_name("max", keepdim), [keepdim](const torch::Tensor& x) {
            return x.amax({0}, keepdim);
          }};
}
ReduceFunction reduce_abs_mean(bool keepdim) {
  return {reduce_name("abs_mean", keepdim), [keepdim](const torch::Tensor& x) {
            return as_floating(x).abs().mean({0}, keepdim);
          }};
}
ReduceFunction reduce_abs_max(bool keepdim) {
  return {reduce_name("abs_max", keepdim), [keepdim](const torch::Tensor& x) {
            return x.abs().amax({0}, keepdim);
          }};
}
ReduceFunction reduce_l2(bool keepdim) {
  return {reduce_name("l2", keepdim), [keepdim](const torch::Tensor& x) {
            return x.mul(x).sum({0}, keepdim).sqrt();
          }};
}

MaskFunction mask_magnitude() {
  return {"magnitude", magnitude_mask, level_of};
}
MaskFunction mask_threshold() {
  return {"threshold", threshold_mask, threshold_of};
}
MaskFunction mask_top_k() {
  return {"top_k", top_k_mask, k_of};
}
MaskFunction mask_nm() {
  return {"nm", last_dimension_nm_mask, nm_of};
}

AggregateFunction aggregate_function(const std::string& name) {
  return named(
      "aggregate",
      name,
      std::array{
          aggregate_sum(),
          aggregate_mean(),
          aggregate_max(),
          aggregate_abs_sum(),
          aggregate_abs_mean(),
          aggregate_abs_max()});
}

ReduceFunction reduce_function(const std::string& name) {
  return named(
      "reduce",
      name == "identity" ? "none" : name,
      std::array{
          reduce_none(),
          reduce_mean(),
          reduce_sum(),
          reduce_max(),
          reduce_abs_mean(),
          reduce_abs_max(),
          reduce_l2(),
          reduce_mean(true),
          reduce_sum(true),
          reduce_max(true),
          reduce_abs_mean(true),
          reduce_abs_max(true),
          reduce_l2(true)});
}

MaskFunction mask_function(const std::string& name) {
  return named(
      "mask",
      name,
      std::array{mask_magnitude(), mask_threshold(), mask_top_k(), mask_nm()});
}

} // namespace coppice
