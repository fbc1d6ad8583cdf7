#include "compile/layer_race.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "support/packed.h"

namespace coppice::layer_race_test {
namespace {

using compiling::Candidate;
using ::testing::Contains;
using ::testing::Not;
using testing::sparse_weight;

WeightOp linear_op() {
  WeightOp op;
  op.kind = WeightOp::Kind::kLinear;
  op.weight = sparse_weight({48, 96}, 0.8);
  op.bias = torch::randn({48});
  return op;
}

std::set<std::string> names_of(const std::vector<Candidate>& candidates) {
  std::set<std::string> names;
  for (const auto& candidate : candidates) {
    names.insert(candidate.name());
  }
  return names;
}

/// The batches for which candidates of a format are laid out.
std::set<int64_t> layouts_of(
    const std::vector<Candidate>& candidates,
    PackedFormat format) {
  std::set<int64_t> batches;
  for (const auto& candidate : candidates) {
    if (candidate.weight && candidate.weight->format() == format) {
      batches.insert(candidate.weight->batch());
    }
  }
  return batches;
}

TEST(Candidates, StoreWeightsAsBfloat16OnlyIfAsked) {
  const auto op = linear_op();
  const std::vector<torch::Tensor> inputs{torch::randn({1, 96})};
  const auto plain = names_of(compiling::candidates_for(op, inputs));
  EXPECT_THAT(plain, Contains("libtorch"));
  EXPECT_THAT(plain, Contains("bitmask_rows"));
  EXPECT_THAT(plain, Not(Contains("bitmask_rows bfloat16")));
  const auto both = names_of(
      compiling::candidates_for(op, inputs, {torch::kFloat, torch::kBFloat16}));
  EXPECT_EQ(both.size(), 2 * plain.size() - 1); // LibTorch's product only once.
  EXPECT_THAT(both, Contains("bitmask_rows bfloat16"));
}

TEST(Candidates, AreLaidOutForEveryBatchWhereThatMatters) {
  const auto candidates = compiling::candidates_for(
      linear_op(), {torch::randn({16, 96}), torch::randn({64, 96})});
  const std::set<int64_t> both{16, 64};
  EXPECT_EQ(layouts_of(candidates, PackedFormat::PatternPanels), both);
  EXPECT_EQ(layouts_of(candidates, PackedFormat::SortedRows), both);
}

TEST(Candidates, TakePartIfTheyComputeTheSame) {
  const auto op = linear_op();
  for (const int64_t batch : {1, 16}) {
    const auto x = torch::randn({batch, 96});
    const auto candidates =
        compiling::candidates_for(op, {x}, {torch::kFloat, torch::kBFloat16});
    EXPECT_EQ(
        compiling::valid_candidates(op, x, candidates).size(),
        candidates.size());
    // Those of another weight do not.
    auto other = op;
    other.weight = -op.weight;
    EXPECT_EQ(compiling::valid_candidates(other, x, candidates).size(), 1U);
  }
}

} // namespace
} // namespace coppice::layer_race_test
