#pragma once

#include <ATen/core/ivalue.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/script.h>

#include <functional>
#include <memory>
#include <vector>

namespace coppice::detail {

/// What a run of a model under the tracer left.
struct Recording {
  std::shared_ptr<torch::jit::Graph> graph;
  std::vector<c10::IValue> inputs;
  c10::IValue output;
};

/// The graph of `first`, with the sizes that it shares with `second` read from
/// the inputs. Runs it on the inputs of both and warns, in one sentence, of the
/// first thing that it cannot keep. `self` is the module of the graph;
/// `before_run` puts its state back.
std::shared_ptr<torch::jit::Graph> checked_graph(
    const Recording& first,
    const Recording& second,
    const torch::jit::Module& self,
    const std::function<void()>& before_run);

/// Copies that a model may change; tensors require grad where they did.
std::vector<c10::IValue> copies_of(const std::vector<c10::IValue>& values);

} // namespace coppice::detail
