// Sparse products over the fastest dense one, one thread: for each shape of
// blocks, sparsity and batch, all contenders take turns in one run, and medians
// are compared. With batch 1 the caches are emptied before every product, so
// that weights come from memory; further lines then store the weights as
// bfloat16 and say in brackets how much faster that is than the same format in
// float32.
//
// product_bench [--size ROWSxCOLS] [--batch N]... [--pattern NAME]...
//               [--sparsity S]... [--seconds S] [--verbose 1]

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "kernels/dense_contenders.h"
#include "kernels/measure.h"
#include "kernels/problem.h"
#include "kernels/sparse_contenders.h"

namespace coppice::bench {
namespace {

struct Options {
  size_t rows = 4096;
  size_t cols = 4096;
  std::vector<size_t> batches;
  std::vector<std::string> patterns;
  std::vector<double> sparsities;
  double seconds = 1.5;
  bool verbose = false;
};

/// A line of the table.
struct Row {
  size_t batch;
  std::string pattern;
};

const std::vector<Row> kRows = {
    {1, "1x1"},
    {1, "1x4"},
    {1, "16x1"},
    {1, "2:4"},
    {8, "1x1"},
    {8, "4x1"},
    {8, "16x1"},
    {32, "1x1"},
    {32, "1x4"},
    {32, "16x1"},
    {128, "1x1"},
    {128, "2:4"},
    {128, "4x1"},
    {512, "1x1"},
    {512, "1x4"},
    {512, "4x1"}};

/// The lines that were asked for: all patterns with all batches.
std::vector<Row> rows_of(const Options& options) {
  if (options.batches.empty() && options.patterns.empty()) {
    return kRows;
  }
  auto batches = options.batches;
  if (batches.empty()) {
    batches = {1, 8, 32, 128, 512};
  }
  auto patterns = options.patterns;
  if (patterns.empty()) {
    patterns = {"1x1", "1x4", "1x16", "4x1", "8x1", "16x1", "2:4"};
  }
  std::vector<Row> rows;
  for (const size_t batch : batches) {
    for (const auto& pattern : patterns) {
      rows.push_back({batch, pattern});
    }
  }
  return rows;
}

/// What takes part in a cell of the table, and its medians.
struct Heat {
  std::vector<Contender> contenders;
  size_t dense = 0;  ///< How many are dense; they are the first.
  size_t sparse = 0; ///< Then so many sparse ones, of float32 weights.
  std::vector<double> times;
};

/// With batch 1 the sparse products of bfloat16 weights are the last.
Heat race(const Options& options, const Row& row, double sparsity) {
  const Problem problem(
      options.rows, options.cols, row.pattern, sparsity, row.batch);
  const Layer& layer = problem.layer;
  Heat heat;
  heat.contenders = all_dense(layer);
  heat.dense = heat.contenders.size();
  const auto add = [&](const Packing& packing) {
    for (auto& sparse :
         sparse_contenders(layer, row.pattern, 1 - sparsity, packing)) {
      heat.contenders.push_back(std::move(sparse));
    }
  };
  add({});
  heat.sparse = heat.contenders.size() - heat.dense;
  check(heat.contenders, problem, 1e-4);
  if (row.batch == 1) {
    add({kernels::Dtype::BFloat16});
    check(heat.contenders, problem, 1e-2);
  }
  Effort effort;
  effort.budget = options.seconds;
  effort.cold = row.batch == 1;
  heat.times = measure(heat.contenders, effort);
  return heat;
}

void print_all(const Row& row, double sparsity, const Heat& heat) {
  for (size_t i = 0; i < heat.times.size(); ++i) {
    const bool is_half = i >= heat.dense + heat.sparse;
    std::fprintf(
        stderr,
        "%s %.2f batch %zu %-22s %9.1f us\n",
        row.pattern.c_str(),
        sparsity,
        row.batch,
        (heat.contenders[i].name + (is_half ? " bfloat16" : "")).c_str(),
        heat.times[i] * 1e6);
  }
}

/// The best of the sparse products from `first` on over the best dense one; if
/// they are of bfloat16 weights, also over the same format in float32.
std::string cell_of(const Heat& heat, size_t first) {
  const auto begin = heat.times.begin();
  const double dense = *std::min_element(begin, begin + heat.dense);
  const auto best =
      std::min_element(begin + first, begin + first + heat.sparse);
  const auto which = static_cast<size_t>(best - begin);
  const auto& name = heat.contenders[which].name;
  char text[80];
  if (first == heat.dense) {
    std::snprintf(text, sizeof(text), "%.2f (%s)", dense / *best, name.c_str());
  } else {
    std::snprintf(
        text,
        sizeof(text),
        "%.2f (%s, %.2f)",
        dense / *best,
        name.c_str(),
        heat.times[which - heat.sparse] / *best);
  }
  return text;
}

void print_line(const Options& options, const Row& row) {
  std::string halves;
  std::printf("| %zu | %s |", row.batch, row.pattern.c_str());
  for (const double sparsity : options.sparsities) {
    if (row.pattern == "2:4" && sparsity != 0.5) {
      std::printf(" |");
      halves += " |";
      continue;
    }
    const auto heat = race(options, row, sparsity);
    if (options.verbose) {
      print_all(row, sparsity, heat);
    }
    std::printf(" %s |", cell_of(heat, heat.dense).c_str());
    std::fflush(stdout);
    if (row.batch == 1) {
      halves += " " + cell_of(heat, heat.dense + heat.sparse) + " |";
    }
  }
  std::printf("\n");
  if (row.batch == 1) {
    std::printf(
        "| 1 | %s, bfloat16 |%s\n", row.pattern.c_str(), halves.c_str());
  }
}

void print_table(const Options& options) {
  std::printf(
      "Sparse products over the strongest dense one (%s), %zu x %zu, float32, "
      "one thread, medians; batch 1 with weights from memory, others warm\n\n",
      dense_names().c_str(),
      options.rows,
      options.cols);
  std::printf("| batch | pattern |");
  for (const double sparsity : options.sparsities) {
    std::printf(" %.0f%%, limit %.2g |", sparsity * 100, 1 / (1 - sparsity));
  }
  std::printf("\n|---|---|");
  for (size_t i = 0; i < options.sparsities.size(); ++i) {
    std::printf("---|");
  }
  std::printf("\n");
  for (const auto& row : rows_of(options)) {
    print_line(options, row);
  }
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--size") {
      std::sscanf(value, "%zux%zu", &options.rows, &options.cols);
    } else if (name == "--batch") {
      options.batches.push_back(std::strtoul(value, nullptr, 10));
    } else if (name == "--pattern") {
      options.patterns.push_back(value);
    } else if (name == "--sparsity") {
      options.sparsities.push_back(std::atof(value));
    } else if (name == "--seconds") {
      options.seconds = std::atof(value);
    } else if (name == "--verbose") {
      options.verbose = std::atoi(value) != 0;
    } else {
      std::fprintf(stderr, "product_bench has no option %s\n", name.c_str());
      std::exit(2);
    }
  }
  if (options.sparsities.empty()) {
    options.sparsities = {0.5, 0.7, 0.8, 0.9, 0.95};
  }
  return options;
}

} // namespace
} // namespace coppice::bench

int main(int argc, char** argv) {
  coppice::bench::use_threads("1", argv);
  coppice::bench::print_table(coppice::bench::parse(argc, argv));
}
