#include "masks/streamed_cut.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>

#include "coppice/masks/select.h"

namespace coppice::streamed_cut_test {

using kernels::Order;
using masks::ScoreType;

/// The masks of `parts` by one cut over all of them, in order.
torch::Tensor streamed_mask(
    const std::vector<torch::Tensor>& parts,
    int64_t drop,
    ScoreType type) {
  int64_t passes = 0;
  auto cut = masks::find_streamed_cut(drop, type, [&](const auto& take) {
    ++passes;
    for (const auto& part : parts) {
      take(part);
    }
  });
  EXPECT_EQ(passes, drop == 0 ? 0 : masks::streamed_passes(type.is_wide));
  std::vector<torch::Tensor> masks;
  for (const auto& part : parts) {
    masks.push_back(cut.next_mask(part));
    EXPECT_EQ(masks.back().sizes(), part.sizes());
    masks.back() = masks.back().reshape(-1);
  }
  return torch::cat(masks);
}

class StreamedCut
    : public ::testing::TestWithParam<std::pair<Order, torch::Dtype>> {};

TEST_P(StreamedCut, IsTheCutOfAllScoresTogether) {
  torch::manual_seed(0);
  const auto [order, dtype] = GetParam();
  const ScoreType type{order, dtype == torch::kDouble};
  // Many ties, of either sign, over all parts.
  const auto all =
      torch::randn({300}, dtype).mul(4).round().div(8).reshape({-1});
  const std::vector<torch::Tensor> parts{
      all.slice(0, 0, 100).reshape({10, 10}),
      all.slice(0, 100, 101),
      all.slice(0, 101)};
  const auto compared = order == Order::kMagnitude ? all.abs() : all;
  for (const int64_t drop : {0, 1, 99, 100, 101, 150, 299, 300}) {
    EXPECT_TRUE(streamed_mask(parts, drop, type)
                    .equal(drop_lowest_mask(compared, drop)))
        << drop;
  }
}

TEST_P(StreamedCut, TellsValuesThatDifferInTheirLastBits) {
  const auto [order, dtype] = GetParam();
  const bool wide = dtype == torch::kDouble;
  const double step = wide ? 1e-15 : 1e-6;
  const auto all = 1 - torch::arange(64, dtype) * step;
  const auto mask = streamed_mask({all}, 10, {order, wide});
  EXPECT_TRUE(mask.equal(torch::arange(64) < 54));
}

TEST_P(StreamedCut, RejectsWhatIsNotFinite) {
  const auto [order, dtype] = GetParam();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double wrong : {kNan, -kNan, kInfinity, -kInfinity}) {
    const auto scores =
        torch::ones({3}, dtype).index_fill_(0, torch::tensor({1}), wrong);
    EXPECT_THROW(
        streamed_mask({scores}, 1, {order, dtype == torch::kDouble}),
        c10::ValueError)
        << wrong;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types,
    StreamedCut,
    ::testing::Values(
        std::make_pair(Order::kMagnitude, torch::kFloat),
        std::make_pair(Order::kValue, torch::kFloat),
        std::make_pair(Order::kMagnitude, torch::kDouble),
        std::make_pair(Order::kValue, torch::kDouble)));

TEST(StreamedCutOfBoth, ComparesFloat32WithFloat64) {
  const auto narrow = torch::tensor({0.5f, 0.1f});
  const auto wide = torch::tensor({0.1, 0.5}, torch::kDouble);
  // 0.1 of float32 is a little more than 0.1.
  EXPECT_TRUE(streamed_mask({narrow, wide}, 1, {Order::kMagnitude, true})
                  .equal(torch::tensor({true, true, false, true})));
}

} // namespace coppice::streamed_cut_test
