#include "compile/layer_race.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <set>

#include "compile/machine.h"
#include "compile/race.h"
#include "coppice/masks/measure.h"
#include "sparse/format_traits.h"

namespace coppice::compiling {
namespace {

/// The rounding of float32 sums in different orders.
constexpr double kTolerance = 1e-3;

/// The same with each weight off by up to 2^-9, where sums may nearly cancel.
constexpr double kBfloat16Tolerance = 2e-2;

double tolerance_of(const Candidate& candidate) {
  return candidate.weight->dtype() == torch::kBFloat16 ? kBfloat16Tolerance
                                                       : kTolerance;
}

bool agrees(
    const torch::Tensor& result,
    const torch::Tensor& right,
    double tolerance) {
  const auto scale = right.abs().max().item<double>();
  const auto difference = (result - right).abs().max().item<double>();
  // Not `<=`: NaN on both sides gives a NaN difference.
  return !(difference > tolerance * std::max(scale, 1e-30));
}

using torch::jit::Stack;

/// An operator and its other arguments, called as the interpreter does.
struct Call {
  c10::OperatorHandle op;
  Stack others;

  Call(const std::string& name, Stack others)
      : op(c10::Dispatcher::singleton().findSchemaOrThrow(name.c_str(), "")),
        others(std::move(others)) {}

  torch::Tensor operator()(const torch::Tensor& input) const {
    Stack stack;
    stack.reserve(others.size() + 1);
    stack.emplace_back(input);
    stack.insert(stack.end(), others.begin(), others.end());
    op.callBoxed(&stack);
    return std::move(stack.front()).toTensor();
  }
};

/// The arguments after the input, without groups.
Stack with_steps(const WeightOp& op, c10::IValue weight) {
  Stack others{std::move(weight), c10::IValue()};
  if (op.bias.defined()) {
    others.back() = op.bias;
  }
  if (op.kind == WeightOp::Kind::kConv2d) {
    others.insert(others.end(), {op.stride, op.padding, op.dilation});
  }
  return others;
}

std::function<torch::Tensor()> dense_runner(
    const WeightOp& op,
    const torch::Tensor& input) {
  auto others = with_steps(op, op.weight);
  const bool is_linear = op.kind == WeightOp::Kind::kLinear;
  if (!is_linear) {
    others.emplace_back(op.groups);
  }
  const Call product(is_linear ? "aten::linear" : "aten::conv2d", others);
  if (!op.has_relu) {
    return [product, input] { return product(input); };
  }
  const Call relu("aten::relu", {});
  return [product, relu, input] { return relu(product(input)); };
}

/// With fewer zeros in the input, skipping them does not pay off.
constexpr double kMinZeros = 0.2;

bool can_pack(const WeightOp& op, const torch::Tensor& input) {
  return op.why_dense.empty() && input.scalar_type() == torch::kFloat &&
      input.device().is_cpu() && rows_of(op, input) > 0;
}

bool serves_any(PackedFormat format, const std::vector<int64_t>& batches) {
  return std::any_of(batches.begin(), batches.end(), [&](int64_t batch) {
    return serves_batch(format, batch);
  });
}

} // namespace

std::string Candidate::name() const {
  if (is_libtorch()) {
    return "libtorch";
  }
  const bool is_bfloat16 = weight->dtype() == torch::kBFloat16;
  return to_string(weight->format()) + (is_bfloat16 ? " bfloat16" : "");
}

std::string Candidate::operator_name(const WeightOp& op) const {
  const std::string name =
      op.kind == WeightOp::Kind::kLinear ? "linear" : "conv2d";
  return "coppice::" + name + (op.has_relu ? "_relu" : "");
}

std::function<torch::Tensor()> Candidate::runner(
    const WeightOp& op,
    const torch::Tensor& input) const {
  if (is_libtorch()) {
    return dense_runner(op, input);
  }
  const Call product(operator_name(op), with_steps(op, weight));
  return [product, input] { return product(input); };
}

int64_t rows_of(const WeightOp& op, const torch::Tensor& input) {
  if (op.kind == WeightOp::Kind::kLinear) {
    return input.numel() / std::max<int64_t>(1, input.size(-1));
  }
  const auto output = op.dense(input);
  return output.numel() / std::max<int64_t>(1, op.weight.size(0));
}

double skipped_share(const WeightOp& op, const torch::Tensor& input) {
  const bool is_single =
      op.kind == WeightOp::Kind::kLinear && rows_of(op, input) == 1;
  return is_single ? sparsity(input) : 0;
}

std::vector<Candidate> candidates_for(
    const WeightOp& op,
    const std::vector<torch::Tensor>& inputs,
    const std::vector<torch::ScalarType>& dtypes) {
  std::vector<Candidate> candidates{{}};
  std::vector<int64_t> batches;
  bool has_zeros = false;
  for (const auto& input : inputs) {
    if (can_pack(op, input)) {
      batches.push_back(rows_of(op, input));
      has_zeros |= skipped_share(op, input) > kMinZeros;
    }
  }
  if (batches.empty()) {
    return candidates;
  }
  const std::set<int64_t> layouts(batches.begin(), batches.end());
  auto formats = applicable_formats(op.weight, has_zeros);
  if (formats.size() == 1) {
    // Without zeros it has a single pattern: a dense product for large batches.
    formats.push_back(PackedFormat::PatternPanels);
  }
  for (const auto format : formats) {
    if (!serves_any(format, batches)) {
      continue;
    }
    const bool has_layouts = sparse::traits_of(format).is_laid_out_for_batch;
    for (const int64_t batch :
         has_layouts ? layouts : std::set<int64_t>{batches.front()}) {
      for (const auto dtype : dtypes) {
        candidates.push_back({PackedWeight::pack(
            op.weight, PackedWeightOptions(format).batch(batch).dtype(dtype))});
      }
    }
  }
  return candidates;
}

std::vector<Candidate> valid_candidates(
    const WeightOp& op,
    const torch::Tensor& input,
    const std::vector<Candidate>& candidates) {
  std::vector<Candidate> valid{candidates.front()};
  if (!can_pack(op, input)) {
    return valid;
  }
  const auto right = op.dense(input);
  for (const auto& candidate : candidates) {
    if (!candidate.is_libtorch() &&
        agrees(candidate.runner(op, input)(), right, tolerance_of(candidate))) {
      valid.push_back(candidate);
    }
  }
  return valid;
}

LayerRace race_layer(
    const WeightOp& op,
    const torch::Tensor& input,
    const std::vector<Candidate>& candidates,
    int64_t passing_bytes,
    double seconds) {
  std::vector<std::function<void()>> runs;
  runs.reserve(candidates.size());
  for (const auto& candidate : candidates) {
    runs.emplace_back([run = candidate.runner(op, input)] { run(); });
  }
  RaceOptions options;
  options.max_seconds = seconds;
  if (passing_bytes > 0) {
    // The input of a layer was just written and is in the cache.
    options.before_each = [&] {
      evict_from_caches(passing_bytes);
      input.sum();
    };
  }
  auto result = race(runs, options);
  return {
      std::move(result.microseconds),
      std::move(result.ratios),
      std::move(result.wins),
      result.winner};
}

} // namespace coppice::compiling
