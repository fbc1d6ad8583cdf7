// What an activation site costs in a TorchScript graph: a call that passes
// through, and one whose observer adds the activation up, beside a caller who
// adds it up. The last figure of a name is the number of elements.

#include <benchmark/benchmark.h>
#include <torch/script.h>
#include <torch/utils.h>

#include <memory>

#include "coppice/graph/activation_sites.h"

namespace {

constexpr int kLayers = 100;

/// Layers that do next to nothing, one after the other.
torch::jit::Module chain() {
  torch::jit::Module root("Chain");
  std::string body = "def forward(self, x):\n";
  for (int i = 0; i < kLayers; ++i) {
    const auto name = "layer" + std::to_string(i);
    torch::jit::Module layer("Layer" + std::to_string(i));
    layer.define("def forward(self, x):\n    return x.detach()\n");
    root.register_module(name, layer);
    body += "    x = self." + name + ".forward(x)\n";
  }
  root.define(body + "    return x\n");
  return root;
}

void run(benchmark::State& state, torch::jit::Module module) {
  const torch::NoGradGuard no_grad;
  const auto x = torch::ones({1, 8});
  for (int i = 0; i < 3; ++i) {
    module.forward({x});
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(module.forward({x}));
  }
  state.counters["seconds_per_layer"] = benchmark::Counter(
      kLayers,
      benchmark::Counter::kIsIterationInvariantRate |
          benchmark::Counter::kInvert);
}

void without_sites(benchmark::State& state) {
  run(state, chain());
}

void passing_sites(benchmark::State& state) {
  run(state, coppice::with_activation_sites(chain(), {"layer*"}));
}

/// The copy of a module of 100 layers, with a site in each.
void rewriting(benchmark::State& state) {
  const auto module = chain();
  for (auto _ : state) {
    benchmark::DoNotOptimize(coppice::with_activation_sites(module));
  }
}

torch::Tensor activation(const benchmark::State& state) {
  return torch::rand({state.range(0) / 256, 256});
}

torch::jit::Module identity() {
  torch::jit::Module module("Identity");
  module.define("def forward(self, x):\n    return x\n");
  return module;
}

/// The module runs, and its caller adds up.
void sum_by_hand(benchmark::State& state) {
  const torch::NoGradGuard no_grad;
  const auto x = activation(state);
  auto module = identity();
  auto sum = torch::zeros_like(x);
  for (auto _ : state) {
    module.forward({x});
    sum.add_(x);
  }
}

void sum_at_site(benchmark::State& state) {
  const torch::NoGradGuard no_grad;
  const auto x = activation(state);
  auto module = coppice::with_activation_sites(identity());
  auto sum = torch::zeros_like(x);
  coppice::activation_layers(module)[0].site->observe(
      [&](const torch::Tensor& seen) { sum.add_(seen); });
  for (auto _ : state) {
    module.forward({x});
  }
}

BENCHMARK(without_sites)->Unit(benchmark::kMicrosecond);
BENCHMARK(passing_sites)->Unit(benchmark::kMicrosecond);
BENCHMARK(rewriting)->Unit(benchmark::kMillisecond);
BENCHMARK(sum_by_hand)->Arg(4096)->Arg(65536)->Arg(1 << 20);
BENCHMARK(sum_at_site)->Arg(4096)->Arg(65536)->Arg(1 << 20);

} // namespace

int main(int argc, char** argv) {
  torch::set_num_threads(1);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
