// What a second thread gains, by the clock, through `coppice::linear`: one
// thread and several take turns of a fifth of a second in one run. A machine
// that does anything else meanwhile shows less.
//
// threads_bench [THREADS] [ROWSxCOLS]

#include <torch/torch.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "coppice/sparse/operators.h"
#include "coppice/sparse/packed_weight.h"
#include "kernels/measure.h"
#include "kernels/problem.h"

namespace coppice::bench {
namespace {

struct Row {
  int64_t batch;
  const char* pattern;
  PackedFormat format;
};

const std::vector<Row> kRows = {
    {1, "1x1", PackedFormat::BitmaskRows},
    {1, "16x1", PackedFormat::OutputBlocks16},
    {8, "1x1", PackedFormat::SortedRows},
    {8, "16x1", PackedFormat::OutputBlocks16},
    {32, "1x1", PackedFormat::PatternPanels},
    {32, "1x1", PackedFormat::SortedRows},
    {32, "16x1", PackedFormat::OutputBlocks16},
    {128, "1x1", PackedFormat::PatternPanels},
    {128, "1x1", PackedFormat::SortedRows},
    {128, "4x1", PackedFormat::PatternPanels},
    {512, "1x1", PackedFormat::PatternPanels},
    {512, "1x1", PackedFormat::SortedRows}};

constexpr double kSparsities[] = {0.5, 0.8, 0.9};

/// The least time of a run in `budget` seconds, after a tenth as long untimed:
/// where the number of threads changes LibTorch's end and start, and new ones
/// share the processor of the first until the system moves them.
double least(int threads, double budget, const std::function<void()>& run) {
  torch::set_num_threads(threads);
  const double start = now(Clock::Wall);
  double best = std::numeric_limits<double>::infinity();
  double passed = 0;
  do {
    const double time = seconds(Clock::Wall, run);
    passed = now(Clock::Wall) - start;
    if (passed > budget / 10) {
      best = std::min(best, time);
    }
  } while (passed < budget);
  return best;
}

/// One thread's time over that of several, by the clock: each the fastest of
/// its turns.
double
gain(const Row& row, double sparsity, int threads, int64_t rows, int64_t cols) {
  auto values = sparse_weight(
      static_cast<size_t>(rows),
      static_cast<size_t>(cols),
      row.pattern,
      sparsity);
  const auto w = PackedWeight::pack(
      torch::from_blob(values.data(), {rows, cols}),
      PackedWeightOptions(row.format).batch(row.batch));
  const auto x = torch::randn({row.batch, cols});
  const c10::InferenceMode guard;
  const auto run = [&] { linear(x, w, c10::nullopt); };
  double one = std::numeric_limits<double>::infinity();
  double several = one;
  for (int turn = 0; turn < 3; ++turn) {
    one = std::min(one, least(1, 0.2, run));
    several = std::min(several, least(threads, 0.2, run));
  }
  return one / several;
}

void print_table(int threads, int64_t rows, int64_t cols) {
  std::printf(
      "%d threads over one, %ld x %ld, float32, warm: by the clock, the "
      "fastest of many turns\n\n"
      "| batch | pattern | format |",
      threads,
      static_cast<long>(rows),
      static_cast<long>(cols));
  for (const double sparsity : kSparsities) {
    std::printf(" %.0f%% |", sparsity * 100);
  }
  std::printf("\n|---|---|---|---|---|---|\n");
  for (const auto& row : kRows) {
    std::printf(
        "| %ld | %s | %s |",
        static_cast<long>(row.batch),
        row.pattern,
        to_string(row.format).c_str());
    for (const double sparsity : kSparsities) {
      std::printf(" %.2f |", gain(row, sparsity, threads, rows, cols));
      std::fflush(stdout);
    }
    std::printf("\n");
  }
}

} // namespace
} // namespace coppice::bench

int main(int argc, char** argv) {
  const char* threads = argc > 1 ? argv[1] : "2";
  coppice::bench::use_threads(threads, argv);
  size_t rows = 4096;
  size_t cols = 4096;
  if (argc > 2) {
    std::sscanf(argv[2], "%zux%zu", &rows, &cols);
  }
  coppice::bench::print_table(
      std::atoi(threads),
      static_cast<int64_t>(rows),
      static_cast<int64_t>(cols));
}
