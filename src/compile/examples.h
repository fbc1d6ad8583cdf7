#pragma once

#include <torch/script.h>

#include <cstdint>
#include <vector>

namespace coppice::compiling {

/// Inputs of a model for one batch.
struct Example {
  int64_t batch = 0;
  std::vector<c10::IValue> inputs;
};

/// The inputs for each of `batches`: tensors with the same dimension 0 as the
/// first tensor are truncated or repeated, including those in tuples, lists and
/// dictionaries. Without batches, the inputs as they are.
///
/// Errors: c10::ValueError if there is no tensor to resize.
std::vector<Example> examples_of(
    const std::vector<c10::IValue>& inputs,
    const std::vector<int64_t>& batches);

/// Deep copies of the inputs.
std::vector<c10::IValue> copies_of(const std::vector<c10::IValue>& inputs);

/// Calls `forward` with copies of the inputs, which the model may change, and a
/// fixed random seed.
///
/// Errors: as `run_script`.
c10::IValue run(
    torch::jit::Module& module,
    const std::vector<c10::IValue>& inputs);

/// Checks that the original module runs on every example, before it is
/// compiled. Runs a copy in evaluation mode.
///
/// Errors: c10::ValueError, as `graph::check_inputs` and `run_script`.
void check_runs(
    const torch::jit::Module& module,
    const std::vector<Example>& examples);

/// Whether the outputs of a module depend on random numbers, so that
/// comparisons need equal seeds. `frozen` is the frozen module.
bool is_random(
    const torch::jit::Module& module,
    const torch::jit::Module& frozen,
    const Example& example);

/// The largest difference between the tensors of two results, relative to the
/// largest element of `a`. Infinite if they differ in structure, shape or
/// dtype, or in elements that are not floating point.
double difference(const c10::IValue& a, const c10::IValue& b);

} // namespace coppice::compiling
