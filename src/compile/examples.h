#pragma once

#include <torch/script.h>

#include <cstdint>
#include <vector>

namespace coppice::compiling {

/// Inputs of a model at one batch.
struct Example {
  int64_t batch = 0;
  std::vector<c10::IValue> inputs;
};

/// The inputs at each of `batches`: tensors whose dimension 0 is that of the
/// first are cut or repeated, also those in tuples, lists and dictionaries.
/// Without batches, the inputs as they are.
///
/// Errors: c10::ValueError if there is no tensor to cut or repeat.
std::vector<Example> examples_of(
    const std::vector<c10::IValue>& inputs,
    const std::vector<int64_t>& batches);

/// Inputs whose tensors, lists and dictionaries are their own.
std::vector<c10::IValue> copies_of(const std::vector<c10::IValue>& inputs);

/// `forward` of copies of the inputs, which a model may write to, with the same
/// random numbers every time.
///
/// Errors: as `run_script`.
c10::IValue run(
    torch::jit::Module& module,
    const std::vector<c10::IValue>& inputs);

/// That a module, as it was given, runs on every example: what is made of it is
/// not asked before. It runs as a copy, in evaluation.
///
/// Errors: c10::ValueError, as `graph::check_inputs` and `run_script`.
void check_runs(
    const torch::jit::Module& module,
    const std::vector<Example>& examples);

/// Whether what a module gives depends on random numbers, so that only outputs
/// under equal seeds can be compared. `frozen` is what it was frozen to.
bool is_random(
    const torch::jit::Module& module,
    const torch::jit::Module& frozen,
    const Example& example);

/// The largest difference between tensors of two results, in parts of the
/// largest element of `a`; infinite if they differ in structure, shape, or in
/// elements that are not floating.
double difference(const c10::IValue& a, const c10::IValue& b);

} // namespace coppice::compiling
