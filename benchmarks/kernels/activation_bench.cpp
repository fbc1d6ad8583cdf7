// Products with a single input of which a part is zero, over the fastest dense
// one, one thread, weights from memory: a table of ratios by how much of the
// input and of the weight is zero. All contenders take turns in one run.
//
// activation_bench [ROWSxCOLS]

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "kernels/bitmask_columns.h"
#include "kernels/dense_contenders.h"
#include "kernels/input_columns.h"
#include "kernels/measure.h"
#include "kernels/sparse_contenders.h"

namespace coppice::bench {
namespace {

constexpr double kInputs[] = {0, 0.25, 0.4, 0.5, 0.65, 0.8, 0.9};

Buffer random_values(size_t count, double sparsity) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::bernoulli_distribution drops(sparsity);
  Buffer values(count);
  for (float& value : values) {
    value = drops(random) ? 0.0f : normal(random);
  }
  return values;
}

/// The dense products, then the one under test: its ratio.
double ratio(
    const Layer& layer,
    const std::function<void(const kernels::ActiveInput*, size_t)>& multiply) {
  std::vector<kernels::ActiveInput> active(layer.cols);
  auto contenders = all_dense(layer);
  contenders.push_back({"active", [&] {
                          const size_t count = kernels::active_inputs(
                              layer.x, layer.cols, 0, active.data());
                          multiply(active.data(), count);
                        }});
  Effort effort;
  effort.cold = true;
  const auto times = measure(contenders, effort);
  return *std::min_element(times.begin(), times.end() - 1) / times.back();
}

void print_row(
    size_t rows,
    size_t cols,
    double weight_sparsity,
    kernels::Dtype dtype) {
  const Buffer w = random_values(rows * cols, weight_sparsity);
  Buffer y(rows);
  const auto dense = kernels::pack_input_columns(w.data(), rows, cols, {dtype});
  const auto sparse =
      kernels::pack_bitmask_columns(w.data(), rows, cols, {dtype});
  const bool is_float = dtype == kernels::Dtype::Float32;
  std::printf(
      "| %.0f%%%s |", weight_sparsity * 100, is_float ? "" : ", bfloat16");
  for (const double sparsity : kInputs) {
    const Buffer x = random_values(cols, sparsity);
    const Layer layer{w.data(), rows, cols, x.data(), 1, y.data()};
    const auto columns = [&](const kernels::ActiveInput* active, size_t count) {
      kernels::input_columns_product(
          dense, active, count, nullptr, {0, rows}, y.data());
    };
    const auto bitmask = [&](const kernels::ActiveInput* active, size_t count) {
      kernels::bitmask_columns_product(
          sparse, active, count, nullptr, {0, sparse.tiles}, y.data());
    };
    const bool dense_weight = weight_sparsity == 0;
    std::printf(
        " %.2f |",
        dense_weight ? ratio(layer, columns) : ratio(layer, bitmask));
    std::fflush(stdout);
  }
  std::printf("\n");
}

void print_table(size_t rows, size_t cols) {
  std::printf(
      "Products with a single input of which a part is zero over the strongest "
      "dense one (%s), %zu x %zu, float32, one thread, weights from memory, "
      "medians; by zeros in the weight and in the input\n\n",
      dense_names().c_str(),
      rows,
      cols);
  std::printf("| weight \\ input |");
  for (const double sparsity : kInputs) {
    std::printf(" %.0f%% |", sparsity * 100);
  }
  std::printf("\n|---|---|---|---|---|---|---|---|\n");
  for (const double sparsity : {0.0, 0.5, 0.7, 0.8}) {
    print_row(rows, cols, sparsity, kernels::Dtype::Float32);
    print_row(rows, cols, sparsity, kernels::Dtype::BFloat16);
  }
}

} // namespace
} // namespace coppice::bench

int main(int argc, char** argv) {
  coppice::bench::use_threads("1", argv);
  size_t rows = 4096;
  size_t cols = 4096;
  if (argc > 1) {
    std::sscanf(argv[1], "%zux%zu", &rows, &cols);
  }
  coppice::bench::print_table(rows, cols);
}
