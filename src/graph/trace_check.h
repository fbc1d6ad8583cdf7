#pragma once

#include <ATen/core/ivalue.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/script.h>

#include <functional>
#include <memory>
#include <vector>

namespace coppice::detail {

/// The result of running a model under the tracer.
struct Recording {
  std::shared_ptr<torch::jit::Graph> graph;
  std::vector<c10::IValue> inputs;
  c10::IValue output;
};

/// The graph of `first`, reading sizes that it shares with `second` from the
/// inputs. Runs it on the inputs of both and warns, in one sentence, of the
/// first difference. `self` is the module of the graph; `before_run` restores
/// its state.
std::shared_ptr<torch::jit::Graph> checked_graph(
    const Recording& first,
    const Recording& second,
    const torch::jit::Module& self,
    const std::function<void()>& before_run);

/// Copies that a model may write to; tensors require grad like the originals.
std::vector<c10::IValue> copies_of(const std::vector<c10::IValue>& values);

} // namespace coppice::detail
