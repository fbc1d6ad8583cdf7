#include "compile/layer_race.h"

#include <algorithm>

#include "compile/machine.h"
#include "compile/race.h"
#include "coppice/sparse/operators.h"

namespace coppice::compiling {
namespace {

/// Both sum in float32, in another order: beyond this it is no rounding.
constexpr double kTolerance = 1e-3;

bool agrees(const torch::Tensor& result, const torch::Tensor& right) {
  const auto scale = right.abs().max().item<double>();
  const auto difference = (result - right).abs().max().item<double>();
  // Not `>`: NaN on both sides is a difference of NaN.
  return !(difference > kTolerance * std::max(scale, 1e-30));
}

c10::optional<torch::Tensor> bias_of(const WeightOp& op) {
  return op.bias.defined() ? c10::make_optional(op.bias) : c10::nullopt;
}

} // namespace

std::string Candidate::name() const {
  return is_libtorch() ? "libtorch" : to_string(weight->format());
}

std::string Candidate::operator_name(const WeightOp& op) const {
  const std::string name =
      op.kind == WeightOp::Kind::kLinear ? "linear" : "conv2d";
  return "coppice::" + name + (op.has_relu ? "_relu" : "");
}

torch::Tensor Candidate::run(const WeightOp& op, const torch::Tensor& input)
    const {
  if (is_libtorch()) {
    return op.dense(input);
  }
  if (op.kind == WeightOp::Kind::kLinear) {
    return op.has_relu ? linear_relu(input, weight, bias_of(op))
                       : linear(input, weight, bias_of(op));
  }
  const auto convolve = op.has_relu ? conv2d_relu : conv2d;
  return convolve(
      input, weight, bias_of(op), op.stride, op.padding, op.dilation);
}

int64_t rows_of(const WeightOp& op, const torch::Tensor& input) {
  if (op.kind == WeightOp::Kind::kLinear) {
    return input.numel() / std::max<int64_t>(1, input.size(-1));
  }
  const auto output = op.dense(input);
  return output.numel() / std::max<int64_t>(1, op.weight.size(0));
}

std::vector<Candidate> candidates_for(
    const WeightOp& op,
    const torch::Tensor& input) {
  std::vector<Candidate> candidates{{}};
  const int64_t rows = rows_of(op, input);
  if (!op.why_dense.empty() || rows == 0 ||
      input.scalar_type() != torch::kFloat || !input.device().is_cpu()) {
    return candidates;
  }
  const auto right = op.dense(input);
  for (const auto format : applicable_formats(op.weight)) {
    if (!serves_batch(format, rows)) {
      continue;
    }
    Candidate candidate{
        PackedWeight::pack(op.weight, PackOptions(format).batch(rows))};
    if (agrees(candidate.run(op, input), right)) {
      candidates.push_back(std::move(candidate));
    }
  }
  return candidates;
}

LayerRace race_layer(
    const WeightOp& op,
    const torch::Tensor& input,
    const std::vector<Candidate>& candidates,
    bool from_memory,
    double seconds) {
  std::vector<std::function<void()>> runs;
  runs.reserve(candidates.size());
  for (const auto& candidate : candidates) {
    runs.emplace_back([&] { candidate.run(op, input); });
  }
  RaceOptions options;
  options.max_seconds = seconds;
  if (from_memory) {
    options.before_each = clear_caches;
  }
  auto result = race(runs, options);
  return {std::move(result.microseconds), result.winner};
}

} // namespace coppice::compiling
