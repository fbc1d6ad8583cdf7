// Never slower: random layers are compiled, and every candidate is then
// measured anew, longer and without the measurement that chose. Prints how many
// choices were within 3% of the best they could have been, and the worst.
//
// sweep_bench [--layers N] [--seed N] [--threads N] [--seconds S]
//             [--verify-seconds S] [--verbose]

#include <ATen/Parallel.h>
#include <coppice/compile/compile.h>
#include <coppice/masks/nm.h>
#include <coppice/masks/weight_norm.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include "graph/weight_ops.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "compile/layer_race.h"
#include "compile/machine.h"
#include "compile/race.h"
#include "compile/threads.h"

namespace coppice::bench {
namespace {

/// What counts as slower than it could have been.
constexpr double kSlower = 1.03;

struct Options {
  int layers = 200;
  unsigned seed = 1;
  int threads = 1;
  double seconds = 1;
  double verify_seconds = 1.5;
  bool verbose = false;
};

struct RandomLayer {
  std::string text;
  torch::jit::Module module{"Layer"};
  torch::Tensor input;
};

/// Random numbers that are the same everywhere.
class Draws {
 public:
  explicit Draws(unsigned seed) : random_(seed) {}

  template <class T>
  T of(const std::vector<T>& values) {
    return values[random_() % values.size()];
  }
  /// Evenly on a logarithmic scale.
  int64_t size(double least, double most) {
    const double share = static_cast<double>(random_()) / 4294967295.0;
    return std::lround(least * std::pow(most / least, share));
  }
  int64_t below(int64_t limit) {
    return static_cast<int64_t>(random_() % limit);
  }

 private:
  std::mt19937 random_;
};

torch::Tensor
pruned(const torch::Tensor& weight, const std::string& pattern, double level) {
  if (level == 0) {
    return weight;
  }
  const auto matrix = weight.flatten(1);
  torch::Tensor mask;
  if (pattern == "2:4") {
    mask = nm_mask(matrix.abs(), {2, 4});
  } else {
    int rows = 1;
    int cols = 1;
    std::sscanf(pattern.c_str(), "%dx%d", &rows, &cols);
    mask = weight_norm_mask(matrix, {level, {rows, cols}, rows * cols});
  }
  return (matrix * mask).reshape(weight.sizes()).contiguous();
}

const char* const kLinear =
    "def forward(self, x):\n  return torch.linear(x, self.weight, self.bias)\n";
const char* const kConv =
    "def forward(self, x):\n"
    "  return torch.conv2d(x, self.weight, self.bias, [1, 1], [%d, %d])\n";

RandomLayer random_layer(Draws& draws) {
  RandomLayer layer;
  const auto pattern = draws.of<std::string>(
      {"1x1", "1x1", "1x1", "1x4", "1x16", "4x1", "16x1", "4x4", "2:4"});
  const double level =
      pattern == "2:4" ? 0.5 : static_cast<double>(draws.below(100)) / 100;
  torch::Tensor weight;
  std::string source = kLinear;
  if (draws.below(4) > 0) {
    weight = torch::randn({draws.size(8, 4096), draws.size(8, 4096)});
    layer.input = torch::randn(
        {draws.of<int64_t>({1, 1, 2, 4, 8, 16, 32, 128}), weight.size(1)});
  } else {
    const int64_t kernel = draws.of<int64_t>({1, 3});
    const int64_t side = draws.size(4, 28);
    weight =
        torch::randn({draws.size(8, 256), draws.size(3, 256), kernel, kernel});
    layer.input = torch::randn(
        {draws.of<int64_t>({1, 1, 4}), weight.size(1), side, side});
    char text[200];
    std::snprintf(
        text,
        sizeof text,
        kConv,
        static_cast<int>(kernel / 2),
        static_cast<int>(kernel / 2));
    source = text;
  }
  weight = pruned(weight * 0.05, pattern, level);
  layer.module.register_parameter("weight", weight, false);
  layer.module.register_parameter(
      "bias", torch::randn({weight.size(0)}), false);
  layer.module.define(source);
  layer.text = fmt::format(
      "{} {} at {:.0f}%, input {}",
      fmt::join(weight.sizes(), "x"),
      pattern,
      100 * level,
      fmt::join(layer.input.sizes(), "x"));
  return layer;
}

struct Verdict {
  std::string layer;
  std::string chosen;
  std::string best;
  double chosen_us = 0;
  double best_us = 0;
  double libtorch_us = 0;
  double slower = 1; ///< Median of the chosen over the best, paired.
};

/// Measures every candidate of a layer that was compiled, and judges.
Verdict
judged(const RandomLayer& layer, const std::string& chosen, double seconds) {
  const auto op = weight_ops(frozen_module(layer.module)).at(0);
  const auto valid = compiling::valid_candidates(
      op, layer.input, compiling::candidates_for(op, {layer.input}));
  std::vector<std::function<void()>> runs;
  size_t mine = 0;
  for (size_t i = 0; i < valid.size(); ++i) {
    if (valid[i].name() == chosen) {
      mine = i;
    }
    runs.emplace_back([run = valid[i].runner(op, layer.input)] { run(); });
  }
  // The chosen one comes first, so that the others are paired with it.
  std::swap(runs[0], runs[mine]);
  compiling::RaceOptions options;
  options.max_seconds = seconds;
  options.min_rounds = 101;
  const auto result = compiling::race(runs, options);
  const auto best = static_cast<size_t>(
      std::min_element(result.ratios.begin(), result.ratios.end()) -
      result.ratios.begin());
  const auto name = [&](size_t i) {
    return valid[i == 0 ? mine : i == mine ? 0 : i].name();
  };
  return {
      layer.text,
      chosen,
      name(best),
      result.microseconds[0],
      result.microseconds[best],
      result.microseconds[mine],
      1 / result.ratios[best]};
}

void print_row(const Verdict& verdict) {
  std::printf(
      "| %s | %s | %.1f | %s | %.1f | %.1f | %.3f |\n",
      verdict.layer.c_str(),
      verdict.chosen.c_str(),
      verdict.chosen_us,
      verdict.best.c_str(),
      verdict.best_us,
      verdict.libtorch_us,
      verdict.slower);
}

void print(std::vector<Verdict> verdicts, const Options& options) {
  const auto count = [&](auto which) {
    return static_cast<int>(
        std::count_if(verdicts.begin(), verdicts.end(), which));
  };
  const int all = static_cast<int>(verdicts.size());
  const auto within = [&](double most) {
    return count([&](const Verdict& v) { return v.slower <= most; });
  };
  std::printf(
      "compile's choice over %d random layers, %d thread%s, seed %u; every "
      "candidate measured anew\n\n| | layers |\n|---|---|\n"
      "| within 3%% of the best | %d |\n| within 5%% | %d |\n"
      "| within 10%% | %d |\n| the fastest itself | %d |\n"
      "| slower than LibTorch's own by more than 3%% | %d |\n"
      "| LibTorch's own kept | %d |\n",
      all,
      at::get_num_threads(),
      at::get_num_threads() == 1 ? "" : "s",
      options.seed,
      within(kSlower),
      within(1.05),
      within(1.10),
      count([](const Verdict& v) { return v.chosen == v.best; }),
      count([](const Verdict& v) {
        return v.chosen_us > kSlower * v.libtorch_us;
      }),
      count([](const Verdict& v) { return v.chosen == "libtorch"; }));
  std::sort(verdicts.begin(), verdicts.end(), [](const auto& a, const auto& b) {
    return a.slower > b.slower;
  });
  verdicts.resize(std::min<size_t>(verdicts.size(), 10));
  std::printf(
      "\nThe worst:\n\n| layer | chosen | us | best | us | LibTorch us | "
      "chosen "
      "over best |\n|---|---|---|---|---|---|---|\n");
  std::for_each(verdicts.begin(), verdicts.end(), print_row);
}

Options parsed(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--verbose") {
      options.verbose = true;
      continue;
    }
    const char* value = i + 1 < argc ? argv[++i] : "";
    if (name == "--layers") {
      options.layers = std::atoi(value);
    } else if (name == "--seed") {
      options.seed = static_cast<unsigned>(std::atoi(value));
    } else if (name == "--threads") {
      options.threads = std::atoi(value);
    } else if (name == "--seconds") {
      options.seconds = std::atof(value);
    } else if (name == "--verify-seconds") {
      options.verify_seconds = std::atof(value);
    } else {
      std::fprintf(stderr, "unknown option %s\n", name.c_str());
      std::exit(2);
    }
  }
  return options;
}

int run(int argc, char** argv) {
  const auto options = parsed(argc, argv);
  use_threads(options.threads);
  const torch::NoGradGuard no_grad;
  torch::manual_seed(options.seed);
  Draws draws(options.seed);
  const auto how =
      CompileOptions().cache("").seconds_per_layer(options.seconds);
  std::vector<Verdict> verdicts;
  for (int i = 0; i < options.layers; ++i) {
    const auto layer = random_layer(draws);
    const auto compiled = compile(layer.module, {layer.input}, how);
    verdicts.push_back(
        judged(layer, compiled.layers.at(0).format, options.verify_seconds));
    if (options.verbose) {
      print_row(verdicts.back());
      std::fflush(stdout);
    }
  }
  print(std::move(verdicts), options);
  return 0;
}

} // namespace
} // namespace coppice::bench

int main(int argc, char** argv) {
  coppice::bench::limit_idle_spinning(argv);
  return coppice::bench::run(argc, argv);
}
