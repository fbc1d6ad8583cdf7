#include "compile/examples.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "graph/map_tensors.h"
#include "graph/model_inputs.h"
#include "graph/reloaded.h"
#include "graph/run_script.h"

namespace coppice::compiling {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr uint64_t kSeed = 0;

/// Seeds the random numbers for its lifetime, then restores their state. Models
/// that draw some are compared under equal seeds.
class Seeded {
 public:
  explicit Seeded(uint64_t seed) : state_(generator_.get_state()) {
    torch::manual_seed(seed);
  }
  ~Seeded() {
    generator_.set_state(state_);
  }
  Seeded(const Seeded&) = delete;
  Seeded& operator=(const Seeded&) = delete;

 private:
  at::Generator generator_ = at::detail::getDefaultCPUGenerator();
  torch::Tensor state_;
};

/// Dimension 0 of the first tensor, including those in tuples, lists and
/// dictionaries; 0 if there is none.
int64_t batch_of(const std::vector<c10::IValue>& inputs) {
  int64_t batch = 0;
  for (const auto& input : inputs) {
    graph::map_tensors(input, [&](const torch::Tensor& tensor) {
      batch = batch == 0 && tensor.dim() > 0 ? tensor.size(0) : batch;
      return tensor;
    });
  }
  return batch;
}

Example
resized(const std::vector<c10::IValue>& inputs, int64_t from, int64_t to) {
  Example example{to, {}};
  const auto rows = torch::arange(to).remainder(from);
  for (const auto& input : inputs) {
    example.inputs.push_back(
        graph::map_tensors(input, [&](const torch::Tensor& tensor) {
          return tensor.dim() > 0 && tensor.size(0) == from
              ? tensor.index_select(0, rows)
              : tensor;
        }));
  }
  return example;
}

double tensor_difference(const torch::Tensor& a, const torch::Tensor& b) {
  if (!a.defined() || !b.defined()) {
    return a.defined() == b.defined() ? 0 : kInfinity;
  }
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) {
    return kInfinity;
  }
  if (a.numel() == 0 || a.equal(b)) {
    return 0;
  }
  if (a.is_complex()) {
    return tensor_difference(
        torch::view_as_real(a.resolve_conj()),
        torch::view_as_real(b.resolve_conj()));
  }
  if (!a.is_floating_point()) {
    return kInfinity;
  }
  const auto x = a.to(torch::kDouble);
  const auto y = b.to(torch::kDouble);
  // NaN and infinity must be in the same positions.
  const auto nonfinite = x.isfinite().logical_not();
  if (!torch::where(nonfinite, x, x.new_zeros({}))
           .nan_to_num(1)
           .equal(torch::where(nonfinite, y, y.new_zeros({})).nan_to_num(1))) {
    return kInfinity;
  }
  const auto gap = (x - y).masked_fill(nonfinite, 0).abs().max().item<double>();
  const auto scale = x.masked_fill(nonfinite, 0).abs().max().item<double>();
  return gap / std::max(scale, 1e-30);
}

} // namespace

std::vector<Example> examples_of(
    const std::vector<c10::IValue>& inputs,
    const std::vector<int64_t>& batches) {
  const int64_t batch = batch_of(inputs);
  if (batches.empty()) {
    return {{batch, inputs}};
  }
  TORCH_CHECK_VALUE(
      batch > 0,
      "compile: there is no input with a batch to be truncated or repeated");
  std::vector<Example> examples;
  for (const int64_t wanted : batches) {
    examples.push_back(resized(inputs, batch, wanted));
  }
  return examples;
}

std::vector<c10::IValue> copies_of(const std::vector<c10::IValue>& inputs) {
  std::vector<c10::IValue> copies;
  copies.reserve(inputs.size());
  for (const auto& input : inputs) {
    copies.push_back(graph::copy_of(input));
  }
  return copies;
}

c10::IValue run(
    torch::jit::Module& module,
    const std::vector<c10::IValue>& inputs) {
  const Seeded seeded(kSeed);
  return run_script(module, copies_of(inputs));
}

void check_runs(
    const torch::jit::Module& module,
    const std::vector<Example>& examples) {
  // Running can change a module. Not LibTorch's deepcopy: it merges tensors
  // that share memory.
  auto copy = graph::reloaded(module);
  copy.eval();
  for (const auto& example : examples) {
    graph::check_inputs(module, example.inputs);
    run(copy, example.inputs);
  }
}

bool is_random(
    const torch::jit::Module& module,
    const torch::jit::Module& frozen,
    const Example& example) {
  auto graph = frozen.get_method("forward").graph();
  torch::jit::DepthFirstGraphNodeIterator nodes(graph);
  auto* node = nodes.next();
  while (node != nullptr && !node->isNondeterministic()) {
    node = nodes.next();
  }
  if (node == nullptr) {
    return false;
  }
  const auto output = [&](uint64_t seed) {
    auto copy = graph::reloaded(module);
    copy.eval();
    const Seeded seeded(seed);
    return run_script(copy, copies_of(example.inputs));
  };
  return difference(output(kSeed), output(kSeed + 1)) > 0;
}

double difference(const c10::IValue& a, const c10::IValue& b) {
  if (a.isTensor() && b.isTensor()) {
    return tensor_difference(a.toTensor(), b.toTensor());
  }
  const auto parts = [](const c10::IValue& value) {
    std::vector<c10::IValue> all;
    if (value.isTuple()) {
      for (const auto& each : value.toTupleRef().elements()) {
        all.push_back(each);
      }
    } else if (value.isList()) {
      for (c10::IValue each : value.toList()) {
        all.push_back(each);
      }
    } else if (value.isGenericDict()) {
      for (const auto& entry : value.toGenericDict()) {
        all.push_back(entry.value());
      }
    }
    return all;
  };
  const auto x = parts(a);
  const auto y = parts(b);
  if (x.size() != y.size()) {
    return kInfinity;
  }
  double largest = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    largest = std::max(largest, difference(x[i], y[i]));
  }
  return largest;
}

} // namespace coppice::compiling
