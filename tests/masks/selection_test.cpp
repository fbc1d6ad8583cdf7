#include "coppice/masks/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include "support/errors.h"

namespace coppice::selection_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using torch::Tensor;

Tensor random_scores(int64_t rows, int64_t cols) {
  torch::manual_seed(rows * 1000 + cols);
  return torch::rand({rows, cols});
}

int64_t fallen(const Tensor& mask) {
  return mask.logical_not().sum().item<int64_t>();
}

TEST(Selection, CountsAreTruncated) {
  const auto scores = random_scores(7, 11);
  EXPECT_EQ(fallen(select_mask(scores, Selection().sparsity(0.77))), 59);
  const auto rows = select_mask(
      scores, Selection().sparsity(0.77).among(Selection::Among::Row));
  EXPECT_TRUE(rows.logical_not().sum(1).eq(8).all().item<bool>());
}

TEST(Selection, LowestOfEachRowFall) {
  const auto scores = random_scores(5, 300);
  const auto mask = select_mask(
      scores, Selection().sparsity(0.5).among(Selection::Among::Row));
  const auto sorted = std::get<0>(scores.sort(1));
  EXPECT_TRUE(mask.equal(scores.ge(sorted.slice(1, 150, 151))));
}

TEST(Selection, OfEqualScoresTheLowerIndexFalls) {
  const auto mask = select_mask(
      torch::ones({2, 4}),
      Selection().sparsity(0.5).among(Selection::Among::Row));
  EXPECT_TRUE(
      mask.equal(torch::tensor({0, 0, 1, 1}).to(torch::kBool).expand({2, 4})));
  EXPECT_TRUE(select_mask(torch::ones({2, 4}), Selection().sparsity(0.5))
                  .equal(torch::tensor({0, 0, 0, 0, 1, 1, 1, 1})
                             .to(torch::kBool)
                             .reshape({2, 4})));
}

TEST(Selection, BlocksFallByTheirMeans) {
  auto scores = torch::ones({5, 6});
  scores.slice(0, 0, 2).slice(1, 0, 3).fill_(0.25);
  scores[4].slice(0, 3, 6).fill_(0.5); // A partial block at the edge.
  const auto mask =
      select_mask(scores, Selection(BlockShape{2, 3}).sparsity(2.0 / 6));
  EXPECT_TRUE(mask.equal(scores.eq(1)));
}

TEST(Selection, ShortGroupsOfNmLoseAtMostAsMany) {
  const auto mask = select_mask(random_scores(3, 10), Nm{2, 4});
  EXPECT_TRUE(mask.slice(1, 0, 4).sum(1).eq(2).all().item<bool>());
  EXPECT_TRUE(mask.slice(1, 8).sum(1).eq(0).all().item<bool>());
  EXPECT_DOUBLE_EQ(Selection(Nm{2, 4}).share(), 0.5);
}

TEST(Selection, KeepsTheShape) {
  const auto scores = torch::rand({4, 3, 2, 2});
  EXPECT_EQ(select_mask(scores, BlockShape{2, 2}).sizes(), scores.sizes());
}

TEST(Selection, WrongSparsityIsRefused) {
  EXPECT_THAT(
      message_of([] {
        select_mask(torch::rand({2, 2}), Selection().sparsity(1.5));
      }),
      HasSubstr("expected a sparsity in [0, 1], got 1.5"));
  EXPECT_THAT(
      message_of([] { select_mask(torch::rand({2}), Selection()); }),
      HasSubstr("two or more dimensions"));
}

} // namespace
} // namespace coppice::selection_test
