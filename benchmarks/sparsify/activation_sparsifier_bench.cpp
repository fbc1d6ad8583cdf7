// What watching activations costs: a pass through a site where a sparsifier
// gathers sums, beside the bare sum in place, and a pass through a site with
// nothing attached. Both take turns within one run; medians are compared.

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

#include "coppice/sparsify/activation_sparsifier.h"

namespace {

constexpr int kPassesInATurn = 50;
constexpr int kTurns = 41;

double microseconds(const std::function<void()>& pass) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kPassesInATurn; ++i) {
    pass();
  }
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now() - begin)
             .count() /
      kPassesInATurn;
}

double median(std::vector<double> values) {
  std::nth_element(
      values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

void compare(int64_t batch, int64_t size) {
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({batch, size});
  auto sum = torch::zeros_like(x);
  coppice::ActivationLayer layer;
  layer.fqn = "layer";
  layer.site = c10::make_intrusive<coppice::ActivationSite>(layer.fqn);
  const auto empty = layer.site->copy();
  coppice::ActivationSparsifier sparsifier(
      {layer},
      coppice::ActivationOptions()
          .aggregate_fn(coppice::aggregate_sum())
          .reduce_fn(coppice::reduce_mean())
          .mask_fn(coppice::mask_magnitude())
          .set("sparsity_level", 0.5));
  sparsifier.register_layer("layer");
  const std::function<void()> ways[] = {
      [&] { sum.add_(x); },
      [&] { layer.site->pass(x); },
      [&] { empty->pass(x); }};
  std::vector<double> times[3];
  for (int turn = 0; turn < kTurns; ++turn) {
    for (int i = 0; i < 3; ++i) {
      // Who goes first changes from turn to turn.
      const int who = (i + turn) % 3;
      times[who].push_back(microseconds(ways[who]));
    }
  }
  fmt::print(
      "{:>5} x {:<6}  {:>8.2f}  {:>10.2f}  {:>6.2f}  {:>10.3f}\n",
      batch,
      size,
      median(times[0]),
      median(times[1]),
      median(times[1]) / median(times[0]),
      median(times[2]));
  std::fflush(stdout);
}

} // namespace

int main() {
  at::set_num_threads(1);
  fmt::print(
      "Gathering sums of activations, 1 thread; microseconds a pass, medians "
      "of {} turns of {} passes\n",
      kTurns,
      kPassesInATurn);
  fmt::print(
      "{:<14}  {:>8}  {:>10}  {:>6}  {:>10}\n",
      "activation",
      "bare sum",
      "gathering",
      "ratio",
      "empty site");
  for (const int64_t batch : {1, 32, 256}) {
    for (const int64_t size : {512, 4096}) {
      compare(batch, size);
    }
  }
  return 0;
}
