// Data sparsifiers beside the reference itself, where python3-torch is
// installed: the same random data and options must give the same masks, bit for
// bit.

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <random>

#include "coppice/sparsify/data_norm_sparsifier.h"
#include "support/reference.h"

namespace coppice::reference_data_test {
namespace {

constexpr int64_t kCases = 60;

/// One tensor at two times, and how it is masked.
struct Case {
  torch::Tensor first;
  torch::Tensor second;
  DataNormOptions options;
};

Case random_case(std::mt19937& random) {
  const auto below = [&](int64_t end) {
    return static_cast<int64_t>(random() % end);
  };
  const int64_t h = 1 + below(40);
  const int64_t w = 1 + below(60);
  // The reference fails for a single element.
  std::vector<int64_t> shape = {h, w + (h == 1 ? 1 : 0)};
  if (below(6) == 0) {
    shape = {shape[1] + 1};
  }
  const BlockShape block{1 + below(4), 1 + below(5)};
  DataNormOptions options;
  options.sparsity_level(static_cast<double>(below(101)) / 100)
      .sparse_block_shape(block)
      .zeros_per_block(below(2) == 0 ? block.size() : below(block.size() + 1))
      .norm(below(2) == 0 ? Norm::L1 : Norm::L2);
  return {torch::randn(shape), torch::randn(shape), options};
}

TEST(ReferenceData, GivesTheSameMasksAndValuesBitForBit) {
  if (!testing::has_reference()) {
    GTEST_SKIP() << testing::kNoReference;
  }
  torch::manual_seed(11);
  std::mt19937 random(11);
  std::vector<Case> cases;
  c10::impl::GenericDict given(c10::StringType::get(), c10::AnyType::get());
  given.insert("count", kCases);
  for (int64_t i = 0; i < kCases; ++i) {
    cases.push_back(random_case(random));
    const auto& [first, second, options] = cases.back();
    const auto block = options.sparse_block_shape();
    const auto suffix = "_" + std::to_string(i);
    given.insert("first" + suffix, first.clone());
    given.insert("second" + suffix, second.clone());
    given.insert("level" + suffix, options.sparsity_level());
    given.insert(
        "pattern" + suffix,
        torch::tensor(
            {block.rows,
             block.cols,
             options.zeros_per_block(),
             int64_t(options.norm() == Norm::L1 ? 1 : 2)}));
  }
  const auto theirs =
      testing::run_reference("sparsify/reference_data.py", given);

  int squashed = 0;
  for (int64_t i = 0; i < kCases; ++i) {
    const auto& [first, second, options] = cases[i];
    const auto suffix = "_" + std::to_string(i);
    SCOPED_TRACE(c10::str(
        first.sizes(),
        ' ',
        options.sparse_block_shape(),
        ' ',
        options.sparsity_level(),
        ' ',
        options.zeros_per_block()));
    auto data = first.clone();
    DataNormSparsifier sparsifier({{"data", data}}, options);
    sparsifier.step();
    data.copy_(second);
    sparsifier.step();
    EXPECT_TRUE(sparsifier.get_mask("data").reshape(-1).equal(
        theirs.at("mask" + suffix).toTensor().reshape(-1)));
    sparsifier.squash_mask();
    if (theirs.contains("values" + suffix)) {
      EXPECT_TRUE(data.equal(theirs.at("values" + suffix).toTensor()));
      ++squashed;
    }
  }
  EXPECT_GT(squashed, kCases / 2);
}

} // namespace
} // namespace coppice::reference_data_test
