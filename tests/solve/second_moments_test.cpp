#include "coppice/solve/second_moments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include "coppice/solve/patches.h"
#include "support/errors.h"

namespace coppice::second_moments_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using torch::Tensor;

Tensor samples(int64_t rows, int64_t features) {
  torch::manual_seed(1);
  return torch::randn({rows, features});
}

SecondMoments moments_of(const Tensor& x, int64_t batch) {
  SecondMoments moments(x.size(-1));
  for (const auto& few : x.split(batch)) {
    moments.add(few);
  }
  return moments;
}

double gap(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

TEST(SecondMoments, AreTheSumsOfProducts) {
  const auto x = samples(1500, 600); // More than a panel, more than a chunk.
  const auto wide = x.to(torch::kDouble);
  const auto moments = moments_of(x, 1500);
  EXPECT_LT(gap(moments.matrix(), wide.t().mm(wide)), 1e-6);
  EXPECT_TRUE(moments.matrix().equal(moments.matrix().t()));
  EXPECT_TRUE(moments.diagonal().equal(moments.matrix().diagonal()));
  EXPECT_EQ(moments.rows(), 1500);
}

TEST(SecondMoments, SplitsIntoBatchesGiveTheSameBits) {
  const auto x = samples(2500, 70);
  const auto whole = moments_of(x, 2500).matrix();
  for (const int64_t batch : {1, 7, 1000, 1024, 2048}) {
    EXPECT_TRUE(moments_of(x, batch).matrix().equal(whole)) << batch;
  }
}

TEST(SecondMoments, GoOnFromAStateWithTheSameBits) {
  const auto x = samples(2500, 300);
  using Kind = SecondMoments::Kind;
  for (const auto kind : {Kind::Full, Kind::Diagonal}) {
    SecondMoments moments(300, kind);
    moments.add(x.slice(0, 0, 1500));
    const auto state = moments.state();
    auto other = SecondMoments::of_state(state);
    for (auto* each : {&moments, &other}) {
      each->add(x.slice(0, 1500));
    }
    EXPECT_EQ(other.kind(), kind);
    EXPECT_EQ(other.rows(), 2500);
    EXPECT_TRUE(other.diagonal().equal(moments.diagonal()));
    if (kind == Kind::Full) {
      EXPECT_TRUE(other.matrix().equal(moments.matrix()));
    }
    EXPECT_EQ(state.pending.size(0), 1500 - 1024); // A copy.
  }
  EXPECT_THAT(
      message_of([] {
        SecondMoments::of_state(
            {torch::zeros({3, 4}, torch::kDouble), torch::zeros({0, 3}), 0});
      }),
      HasSubstr("[features, features]"));
  EXPECT_THAT(
      message_of([] {
        SecondMoments::of_state(
            {torch::zeros({3}, torch::kDouble), torch::zeros({1, 4}), 0});
      }),
      HasSubstr("3 features"));
}

TEST(SecondMoments, Merge) {
  const auto x = samples(300, 40).to(torch::kDouble);
  auto all = moments_of(x.slice(0, 0, 100), 33);
  all.merge(moments_of(x.slice(0, 100), 50));
  EXPECT_LT(gap(all.matrix(), x.t().mm(x)), 1e-12);
  EXPECT_EQ(all.rows(), 300);
  EXPECT_THAT(
      message_of([&] { all.merge(SecondMoments(41)); }),
      HasSubstr("41 features, expected 40"));
}

TEST(SecondMoments, DiagonalAlone) {
  const auto x = samples(1100, 50);
  SecondMoments moments(50, SecondMoments::Kind::Diagonal);
  moments.add(x.reshape({11, 100, 50}));
  EXPECT_LT(
      gap(moments.diagonal(), x.to(torch::kDouble).square().sum(0)), 1e-6);
  EXPECT_THAT(
      message_of([&] { moments.matrix(); }), HasSubstr("needs the whole"));
}

TEST(SecondMoments, HalfSamplesAreSummedAsFloats) {
  const auto x = samples(200, 8).to(torch::kBFloat16);
  const auto wide = x.to(torch::kDouble);
  EXPECT_LT(gap(moments_of(x, 64).matrix(), wide.t().mm(wide)), 1e-6);
}

TEST(SecondMoments, OtherSamplesAreRefused) {
  SecondMoments moments(4);
  EXPECT_THAT(
      message_of([&] {
        moments.add(torch::ones({2, 5}));
      }),
      HasSubstr("4 features"));
  EXPECT_THAT(
      message_of([&] {
        moments.add(torch::ones({2, 4}, torch::kLong));
      }),
      HasSubstr("floating"));
}

TEST(Patches, AreThoseOfTheConvolution) {
  const auto images = torch::randn({3, 4, 7, 6});
  const auto weight = torch::randn({8, 2, 3, 2});
  PatchOptions options;
  options.kernel({3, 2}).stride({2, 1}).padding({1, 1}).groups(2);
  auto moments = patch_moments(2, options);
  add_patches(moments, images, options);
  // The sum of squared outputs is tr(W G W^T), group by group.
  const auto outputs =
      at::conv2d(images, weight, {}, {2, 1}, {1, 1}, {1, 1}, 2);
  for (int64_t i = 0; i < 2; ++i) {
    const auto matrix =
        weight.slice(0, 4 * i, 4 * i + 4).flatten(1).to(torch::kDouble);
    const auto energy =
        matrix.mm(moments[i].matrix()).mul(matrix).sum().item<double>();
    EXPECT_NEAR(
        energy,
        outputs.slice(1, 4 * i, 4 * i + 4)
            .square()
            .sum(torch::kDouble)
            .item<double>(),
        1e-3 * energy);
  }
}

TEST(Patches, OfOneElementAreTheChannels) {
  const auto images = torch::randn({5, 6, 3, 3});
  auto moments = patch_moments(6, PatchOptions());
  add_patches(moments, images, PatchOptions());
  const auto rows = images.permute({0, 2, 3, 1}).reshape({-1, 6});
  EXPECT_TRUE(moments[0].matrix().equal(moments_of(rows, 45).matrix()));
  EXPECT_THAT(
      message_of([&] {
        add_patches(moments, torch::randn({5, 7, 3, 3}), PatchOptions());
      }),
      HasSubstr("expected images [samples, 6, height, width]"));
}

} // namespace
} // namespace coppice::second_moments_test
