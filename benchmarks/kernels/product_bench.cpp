// Sparse products over the fastest dense one, one thread: for each shape of
// blocks, sparsity and batch, all contenders take turns in one run, and medians
// are compared. With batch 1 the caches are emptied before every product, so
// that weights come from memory; further rows then store the weights as
// bfloat16 and say in brackets how much faster that is than the same format in
// float32.
//
// product_bench [--rows N] [--cols N] [--batch N]... [--pattern NAME]...
//               [--turns N]

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "kernels/dense_contenders.h"
#include "kernels/measure.h"
#include "kernels/sparse_contenders.h"

namespace coppice::bench {
namespace {

struct Options {
  size_t rows = 4096;
  size_t cols = 4096;
  std::vector<size_t> batches;
  std::vector<std::string> patterns;
  std::vector<double> sparsities;
  size_t turns = 15;
  bool verbose = false;
};

/// The weight, [rows, cols], with `pattern` blocks dropped.
kernels::Buffer<float> sparse_weight(
    const Options& options,
    const std::string& pattern,
    double sparsity) {
  std::mt19937 random(1234);
  kernels::Buffer<float> w(options.rows * options.cols);
  for (float& value : w) {
    value = static_cast<float>(random() % 2000 + 1) / 1000 - 1.0005f;
  }
  if (pattern == "2:4") {
    for (size_t i = 0; i < w.size(); i += 4) {
      const size_t a = random() % 4;
      w[i + a] = 0;
      w[i + (a + 1 + random() % 3) % 4] = 0;
    }
    return w;
  }
  size_t height = 1;
  size_t width = 1;
  std::sscanf(pattern.c_str(), "%zux%zu", &height, &width);
  std::bernoulli_distribution drops(sparsity);
  for (size_t r = 0; r < options.rows; r += height) {
    for (size_t c = 0; c < options.cols; c += width) {
      if (drops(random)) {
        for (size_t i = r; i < std::min(r + height, options.rows); ++i) {
          std::fill_n(
              w.data() + i * options.cols + c,
              std::min(width, options.cols - c),
              0.0f);
        }
      }
    }
  }
  return w;
}

/// Complains about a contender whose result is off from the first one's by more
/// than `most` of the largest.
void check(
    const std::vector<Contender>& contenders,
    const Buffer& y,
    double most) {
  contenders[0].run();
  const Buffer expected = y;
  double scale = 0;
  for (const float value : expected) {
    scale = std::max<double>(scale, std::fabs(value));
  }
  for (const auto& contender : contenders) {
    contender.run();
    for (size_t i = 0; i < y.size(); ++i) {
      if (!(std::fabs(y[i] - expected[i]) <= most * scale)) {
        std::fprintf(stderr, "%s is wrong\n", contender.name.c_str());
        break;
      }
    }
  }
}

const Packing kBFloat16{kernels::Dtype::BFloat16};

/// Medians of the sparse products and of the best dense one.
struct Times {
  double dense;
  std::vector<double> sparse;
  std::vector<double> sparse_bfloat16; ///< None, or of the same formats.
  std::vector<std::string> names;
};

/// A cell of the table: the best sparse product over the best dense one.
std::string cell_of(
    const Times& times,
    const std::vector<double>& products,
    bool of_float) {
  const auto best = std::min_element(products.begin(), products.end());
  const size_t which = best - products.begin();
  char text[80];
  char more[32] = "";
  if (of_float) {
    std::snprintf(more, sizeof(more), ", %.2f", times.sparse[which] / *best);
  }
  std::snprintf(
      text,
      sizeof(text),
      "%.2f (%s%s)",
      times.dense / *best,
      times.names[which].c_str(),
      more);
  return text;
}

Times compare(
    const Options& options,
    const std::string& pattern,
    double sparsity,
    size_t batch) {
  const auto w = sparse_weight(options, pattern, sparsity);
  Buffer x(batch * options.cols);
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::generate(x.begin(), x.end(), [&] { return normal(random); });
  Buffer y(batch * options.rows);
  const Layer layer{
      w.data(), options.rows, options.cols, x.data(), batch, y.data()};
  auto contenders = dense_contenders(layer);
  if (batch <= 8) {
    contenders.push_back(own_dense(layer));
  }
  const size_t dense = contenders.size();
  auto sparse = sparse_contenders(layer, pattern, 1 - sparsity);
  const size_t formats = sparse.size();
  std::move(sparse.begin(), sparse.end(), std::back_inserter(contenders));
  check(contenders, y, 1e-4);
  if (batch == 1) {
    sparse = sparse_contenders(layer, pattern, 1 - sparsity, kBFloat16);
    std::move(sparse.begin(), sparse.end(), std::back_inserter(contenders));
    check(contenders, y, 1e-2);
  }
  const auto times = measure(contenders, options.turns, batch == 1);
  const auto best_dense =
      std::min_element(times.begin(), times.begin() + dense);
  if (options.verbose) {
    for (size_t i = 0; i < times.size(); ++i) {
      std::fprintf(
          stderr,
          "%s %.2f batch %zu %-22s %9.1f us %6.2f\n",
          pattern.c_str(),
          sparsity,
          batch,
          (contenders[i].name + (i < dense + formats ? "" : " bfloat16"))
              .c_str(),
          times[i] * 1e6,
          *best_dense / times[i]);
    }
  }
  Times result{*best_dense, {}, {}, {}};
  for (size_t i = 0; i < formats; ++i) {
    result.names.push_back(contenders[dense + i].name);
  }
  const auto first = times.begin() + dense;
  result.sparse.assign(first, first + formats);
  result.sparse_bfloat16.assign(first + formats, times.end());
  return result;
}

void print_row(
    const Options& options,
    const std::string& pattern,
    size_t batch) {
  std::string bfloat16;
  std::printf("| %s | %zu |", pattern.c_str(), batch);
  for (const double sparsity : options.sparsities) {
    if (pattern == "2:4" && sparsity != 0.5) {
      std::printf(" |");
      bfloat16 += " |";
      continue;
    }
    const auto times = compare(options, pattern, sparsity, batch);
    std::printf(" %s |", cell_of(times, times.sparse, false).c_str());
    std::fflush(stdout);
    if (batch == 1) {
      bfloat16 += " " + cell_of(times, times.sparse_bfloat16, true) + " |";
    }
  }
  std::printf("\n");
  if (batch == 1) {
    std::printf("| %s, bfloat16 | 1 |%s\n", pattern.c_str(), bfloat16.c_str());
  }
}

void print_table(const Options& options) {
  std::printf("| pattern | batch |");
  for (const double sparsity : options.sparsities) {
    std::printf(" %.0f%% |", sparsity * 100);
  }
  std::printf("\n|---|---|");
  for (size_t i = 0; i < options.sparsities.size(); ++i) {
    std::printf("---|");
  }
  std::printf("\n");
  for (const size_t batch : options.batches) {
    for (const auto& pattern : options.patterns) {
      print_row(options, pattern, batch);
    }
  }
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--rows") {
      options.rows = std::strtoul(value, nullptr, 10);
    } else if (name == "--cols") {
      options.cols = std::strtoul(value, nullptr, 10);
    } else if (name == "--batch") {
      options.batches.push_back(std::strtoul(value, nullptr, 10));
    } else if (name == "--pattern") {
      options.patterns.push_back(value);
    } else if (name == "--sparsity") {
      options.sparsities.push_back(std::atof(value));
    } else if (name == "--turns") {
      options.turns = std::strtoul(value, nullptr, 10);
    } else if (name == "--verbose") {
      options.verbose = std::atoi(value) != 0;
    }
  }
  if (options.batches.empty()) {
    options.batches = {1, 8, 32, 128, 512};
  }
  if (options.patterns.empty()) {
    options.patterns = {"1x1", "1x4", "1x16", "4x1", "8x1", "16x1", "2:4"};
  }
  if (options.sparsities.empty()) {
    options.sparsities = {0.5, 0.7, 0.8, 0.9, 0.95};
  }
  return options;
}

} // namespace
} // namespace coppice::bench

int main(int argc, char** argv) {
  coppice::bench::use_one_thread(argv);
  coppice::bench::print_table(coppice::bench::parse(argc, argv));
}
