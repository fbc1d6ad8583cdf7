#include "coppice/schedule/allocation.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <limits>

#include "support/errors.h"

namespace coppice::allocation_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;

TEST(Allocation, UniformIsTheSameEverywhere) {
  EXPECT_THAT(uniform_levels(3, 0.25), ElementsAre(0.25, 0.25, 0.25));
}

TEST(Allocation, ErkReachesTheShareAtEverySparsity) {
  const std::vector<std::vector<int64_t>> shapes = {
      {16, 3, 3, 3}, {32, 16, 3, 3}, {64, 32, 3, 3}, {10, 64}};
  const std::vector<double> sizes = {432, 4608, 18432, 640};
  for (const double sparsity : {0.0, 0.1, 0.5, 0.8, 0.99, 1.0}) {
    const auto levels = erk_levels(shapes, sparsity);
    double zeros = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      EXPECT_GE(levels[i], 0);
      EXPECT_LE(levels[i], 1);
      zeros += sizes[i] * levels[i];
    }
    EXPECT_NEAR(zeros, sparsity * 24112, 1e-6) << sparsity;
  }
}

TEST(Allocation, MagnitudeCountsTheSmallestOfAll) {
  const auto low = torch::tensor({{0.1, -0.2, 0.3, 0.4}});
  const auto high = torch::tensor({{-1.0, 0.25}}, torch::kHalf);
  EXPECT_THAT(magnitude_levels({low, high}, 0.5), ElementsAre(0.5, 0.5));
  EXPECT_THAT(magnitude_levels({low, high}, 0.0), ElementsAre(0, 0));
  EXPECT_THAT(magnitude_levels({low, high}, 1.0), ElementsAre(1, 1));
  // Of equal ones those of the first layer.
  const auto ones = torch::ones({1, 4});
  EXPECT_THAT(magnitude_levels({ones, ones}, 0.5), ElementsAre(1, 0));
  EXPECT_THAT(
      message_of([&] {
        magnitude_levels({low * std::numeric_limits<double>::quiet_NaN()}, 0.5);
      }),
      HasSubstr("NaN"));
}

TEST(Allocation, OwlSaysWhichLevelCannotBe) {
  const auto even = torch::ones({100});
  auto peaked = torch::ones({100});
  peaked[3] = 100;
  EXPECT_THAT(owl_levels({even, even}, 0.5), ElementsAre(0.5, 0.5));
  const auto levels = owl_levels({even, peaked}, 0.5);
  EXPECT_NEAR(levels[0], 0.58, 1e-12);
  EXPECT_NEAR(levels[1], 0.42, 1e-12);
  EXPECT_THAT(
      message_of([&] {
        owl_levels({even, peaked}, 0.95);
      }),
      HasSubstr("layer 0 would get a sparsity of 1.03"));
}

TEST(Allocation, CheapestSaysWhatItCannotReach) {
  const std::vector<std::vector<double>> costs = {{0, 1, 3}, {0, 0.1, 9}};
  EXPECT_THAT(
      message_of([&] {
        cheapest_levels(costs, {10, 10}, {0, 0.5, 0.9}, 0.95);
      }),
      HasSubstr("no allocation reaches a sparsity of 0.95"));
  EXPECT_THAT(
      message_of([&] {
        cheapest_levels(costs, {10, 10}, {0, 0.5}, 0.5);
      }),
      HasSubstr("a finite cost at each of 2 levels"));
  EXPECT_THAT(
      message_of([&] {
        cheapest_levels(costs, {10, 10}, {0.5, 0.1, 1}, 0.5);
      }),
      HasSubstr("rise from 0"));
  EXPECT_THAT(
      cheapest_levels(costs, {10, 10}, {0, 0.5, 0.9}, 0.9),
      ElementsAre(0.9, 0.9));
  EXPECT_THAT(
      cheapest_levels(costs, {10, 10}, {0, 0.5, 0.9}, 0.0), ElementsAre(0, 0));
}

TEST(Allocation, WrongUseIsAnError) {
  EXPECT_THAT(
      message_of([] { uniform_levels(0, 0.5); }),
      HasSubstr("one layer or more"));
  EXPECT_THAT(
      message_of([] {
        erk_levels({{3, 3}}, 1.5);
      }),
      HasSubstr("in [0, 1]"));
  EXPECT_THAT(
      message_of([] {
        erk_levels({{3, 0}}, 0.5);
      }),
      HasSubstr("positive sizes"));
}

} // namespace
} // namespace coppice::allocation_test
