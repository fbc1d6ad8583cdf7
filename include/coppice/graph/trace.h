#pragma once

#include "coppice/export.h"
#include "coppice/graph/traced_call.h"

#include <torch/arg.h>
#include <torch/script.h>

#include <initializer_list>
#include <utility>
#include <vector>

namespace coppice {

/// The inputs of a call: a tensor, or several inputs in braces, each a tensor,
/// or a tuple, a list or a dictionary (with string keys) of tensors.
class TraceInputs {
 public:
  TraceInputs() = default;
  /*implicit*/ TraceInputs(torch::Tensor input) : values_{std::move(input)} {}
  /*implicit*/ TraceInputs(std::initializer_list<c10::IValue> inputs)
      : values_(inputs) {}
  /*implicit*/ TraceInputs(std::vector<c10::IValue> inputs)
      : values_(std::move(inputs)) {}

  const std::vector<c10::IValue>& values() const {
    return values_;
  }

 private:
  std::vector<c10::IValue> values_;
};

/// Options of `trace`. Example:
///
///     TraceOptions().check_inputs({torch::rand({3, 784})})
struct TraceOptions {
  /// A second set of inputs, with other sizes wherever sizes may change. With
  /// it, sizes that became constants follow the inputs where that is certain,
  /// and other differences are warned of (TORCH_WARN). Runs the model once
  /// more. Default: none
  TORCH_ARG(TraceInputs, check_inputs);

  /// Keeps the sites of layers that have one (`HasActivationSite`) in the
  /// trace, as attribute `activation_site` of the submodule, shared with the
  /// model. Otherwise their masks become ordinary operations. Default: false
  TORCH_ARG(bool, activation_sites) = false;
};

/// A TorchScript module of any `torch::nn` model, for LibTorch and Python:
/// `torch.jit.trace` for C++. Runs `model` once and records the operations. The
/// model, its buffers and the random number generators do not change.
///
///     auto script = coppice::trace(model, torch::rand({1, 784}));
///     script.save("net.pt");
///
/// `model` is a module, a holder (`torch::nn::Linear`) or a `shared_ptr`, in
/// the static type that has the `forward`. The result shares parameters and
/// buffers with it, has its submodules, names and `training` flags, and repeats
/// the computation for these inputs, with its mode (train or eval), device and
/// path through `if`s. Sizes that C++ code reads (`x.size(0)`) become
/// constants: see `TraceOptions::check_inputs` and docs/tracing.md.
///
/// Omitted arguments of `forward` take the defaults declared by
/// FORWARD_HAS_DEFAULT_ARGS.
///
/// Errors: c10::ValueError if number or types of the inputs do not fit
///   `forward`, an input is not a tensor (bind numbers in a callable),
///   TorchScript cannot hold a name, the output does not depend on the inputs,
///   or the model uses an unregistered tensor that requires grad. The model's
///   own exceptions are passed on. The model does not change on errors.
/// Source: torch.jit.trace; LibTorch has only its recorder.
template <typename Model>
torch::jit::Module trace(
    Model&& model,
    const TraceInputs& example_inputs,
    const TraceOptions& options = {});

/// Traces a callable over a model instead of its `forward`: for a method of
/// another name, a `forward` that is overloaded or a template, or one that
/// takes numbers.
///
///     coppice::trace(
///         model,
///         [&](torch::Tensor x) { return model->forward(x, /*top_k=*/5); },
///         torch::rand({1, 784}));
///
/// Its argument types must be explicit, or it takes a
/// `std::vector<c10::IValue>` and returns a `c10::IValue`.
template <typename Model, typename Callable>
torch::jit::Module trace(
    Model&& model,
    Callable callable,
    const TraceInputs& example_inputs,
    const TraceOptions& options = {});

namespace detail {

COPPICE_API torch::jit::Module trace_call(
    torch::nn::Module& model,
    const TracedCall& call,
    const TraceInputs& example_inputs,
    const TraceOptions& options);

} // namespace detail

template <typename Model>
torch::jit::Module trace(
    Model&& model,
    const TraceInputs& example_inputs,
    const TraceOptions& options) {
  auto& module = detail::module_of(model);
  return detail::trace_call(
      module, detail::forward_of(module), example_inputs, options);
}

template <typename Model, typename Callable>
torch::jit::Module trace(
    Model&& model,
    Callable callable,
    const TraceInputs& example_inputs,
    const TraceOptions& options) {
  return detail::trace_call(
      detail::module_of(model),
      detail::callable_of(std::move(callable)),
      example_inputs,
      options);
}

} // namespace coppice
