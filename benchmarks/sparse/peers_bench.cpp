// Sparse products of other libraries and ours over the strongest dense one, one
// thread, all taking turns in one run. A peer that beats ours is named.
//
// peers_bench [ROWSxCOLS]...

#include <torch/torch.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "kernels/measure.h"
#include "kernels/problem.h"
#include "kernels/sparse_contenders.h"
#include "sparse/peers.h"

namespace coppice::bench {
namespace {

struct Row {
  size_t batch;
  std::string pattern;
  std::vector<double> sparsities;
};

const std::vector<Row> kRows = {
    {1, "1x1", {0.5, 0.8, 0.9, 0.95}},
    {1, "1x4", {0.8, 0.9}},
    {1, "4x4", {0.8, 0.9}},
    {1, "16x1", {0.8, 0.9}},
    {1, "32x32", {0.8, 0.9}},
    {8, "1x1", {0.5, 0.9}},
    {32, "1x1", {0.5, 0.8, 0.9, 0.95}},
    {128, "1x1", {0.5, 0.8, 0.9, 0.95}},
    {128, "1x4", {0.8, 0.9}},
    {128, "4x4", {0.8, 0.9}},
    {128, "16x1", {0.8, 0.9}},
    {128, "32x32", {0.8, 0.9}},
    {512, "1x1", {0.9}}};

const std::vector<std::string> kPeers =
    {"Eigen", "XNNPACK", "libxsmm", "torch COO", "torch CSR"};

struct Ratios {
  std::map<std::string, double> of; ///< Peers over the strongest dense.
  double ours = 0;
  std::string our_name;
};

Ratios compare(size_t rows, size_t cols, const Row& row, double sparsity) {
  const Problem problem(rows, cols, row.pattern, sparsity, row.batch);
  const Layer& layer = problem.layer;
  auto contenders = all_dense(layer);
  const size_t dense = contenders.size();
  for (auto& ours : sparse_contenders(layer, row.pattern, 1 - sparsity)) {
    contenders.push_back(std::move(ours));
  }
  const size_t before = contenders.size();
  std::vector<std::string> refused;
  for (auto& peer : peers(layer, refused)) {
    contenders.push_back(std::move(peer));
  }
  check(contenders, problem, 1e-4);
  Effort effort;
  effort.turns = 9;
  const auto times = measure(contenders, effort);
  const double best_dense =
      *std::min_element(times.begin(), times.begin() + dense);
  const auto ours =
      std::min_element(times.begin() + dense, times.begin() + before);
  Ratios ratios;
  ratios.ours = best_dense / *ours;
  ratios.our_name = contenders[ours - times.begin()].name;
  for (size_t i = before; i < times.size(); ++i) {
    ratios.of[contenders[i].name] = best_dense / times[i];
  }
  return ratios;
}

void print_row(size_t rows, size_t cols, const Row& row, double sparsity) {
  const auto ratios = compare(rows, cols, row, sparsity);
  std::printf(
      "| %zu x %zu | %zu | %s | %.0f%% |",
      rows,
      cols,
      row.batch,
      row.pattern.c_str(),
      sparsity * 100);
  std::string faster;
  for (const auto& peer : kPeers) {
    const auto found = ratios.of.find(peer);
    if (found == ratios.of.end()) {
      std::printf(" |");
      continue;
    }
    std::printf(" %.2f |", found->second);
    faster += found->second > ratios.ours ? " " + peer : "";
  }
  std::printf(
      " %.2f (%s) |%s\n",
      ratios.ours,
      ratios.our_name.c_str(),
      faster.empty() ? "" : (" slower than" + faster).c_str());
  std::fflush(stdout);
}

void print_table(const std::vector<std::string>& sizes) {
  std::printf(
      "Sparse products over the strongest dense one (%s), float32, one thread, "
      "warm, medians; below 1 is slower than dense; empty: not installed, or "
      "it refuses\n\n| out x in | batch | pattern | sparsity |",
      dense_names().c_str());
  for (const auto& peer : kPeers) {
    std::printf(" %s |", peer.c_str());
  }
  std::printf(" ours |\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (const auto& size : sizes) {
    size_t rows = 0;
    size_t cols = 0;
    if (std::sscanf(size.c_str(), "%zux%zu", &rows, &cols) != 2) {
      std::fprintf(stderr, "peers_bench: %s is no size\n", size.c_str());
      std::exit(2);
    }
    for (const auto& row : kRows) {
      for (const double sparsity : row.sparsities) {
        print_row(rows, cols, row, sparsity);
      }
    }
  }
}

} // namespace
} // namespace coppice::bench

int main(int argc, char** argv) {
  coppice::bench::use_threads("1", argv);
  torch::set_num_threads(1);
  std::vector<std::string> sizes(argv + 1, argv + argc);
  if (sizes.empty()) {
    sizes = {"4096x4096"};
  }
  coppice::bench::print_table(sizes);
}
