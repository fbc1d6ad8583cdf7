#include "coppice/masks/data_norm.h"

#include <gmock/gmock.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "coppice/masks/block.h"
#include "support/errors.h"
#include "support/golden.h"

namespace coppice::data_norm_test {
namespace {

using testing::bits_of;
using testing::golden;
using testing::golden_tensor;
using ::testing::HasSubstr;
using testing::message_of;

std::string mask_bits(
    const torch::Tensor& data,
    double level,
    BlockShape block,
    int64_t zeros,
    Norm norm = Norm::L1) {
  return bits_of(data_norm_mask(data, {level, block, zeros}, norm));
}

/// The pattern and the norm of a recorded case.
struct Case {
  explicit Case(const nlohmann::json& test)
      : pattern{test["level"], {test["block"][0], test["block"][1]}, test["zpb"]},
        norm(test["norm"] == "L1" ? Norm::L1 : Norm::L2) {}

  WeightNormPattern pattern;
  Norm norm;
};

// data_norm.json: every recorded mask at a level of 0 or more, bit for bit.
TEST(DataNormMask, GoldenMasksOfTheReference) {
  const auto file = golden("data_norm.json");
  int masks = 0;
  for (const auto& test : file["cases"]) {
    const Case recorded(test);
    if (recorded.pattern.sparsity_level < 0) {
      continue;
    }
    const auto data = golden_tensor(file["data"][test["data"]]);
    const auto mask = data_norm_mask(data, recorded.pattern, recorded.norm);
    ASSERT_EQ(bits_of(mask), test["result"]["bits"].get<std::string>()) << test;
    // Quirk 30: the reference's mask has another shape here, and the next
    // access fails.
    ASSERT_EQ(mask.sizes(), data.sizes()) << test;
    ++masks;
  }
  EXPECT_EQ(masks, 3078 - 810);
}

// Quirk 28: Python's slice [:-m] makes the reference drop all blocks but the
// last m at a negative level. Here a negative level drops nothing.
TEST(DataNormMask, GoldenNegativeLevelsOfTheReferenceDropNothingHere) {
  const auto file = golden("data_norm.json");
  int masks = 0;
  for (const auto& test : file["cases"]) {
    Case recorded(test);
    auto& level = recorded.pattern.sparsity_level;
    if (level >= 0) {
      continue;
    }
    const auto data = golden_tensor(file["data"][test["data"]]);
    ASSERT_TRUE(data_norm_mask(data, recorded.pattern, recorded.norm)
                    .all()
                    .item<bool>())
        << test;
    // That this is all that differs: our mask of 1 + level, where that is a
    // whole number of blocks, is the recorded one.
    const auto one_row = data.size(1) == 1 ? data.t() : data;
    const auto& block = recorded.pattern.sparse_block_shape;
    const auto blocks = ((one_row.size(0) + block.rows - 1) / block.rows) *
        ((one_row.size(1) + block.cols - 1) / block.cols);
    const double spared = std::nearbyint(-level * blocks);
    level = spared == 0 ? 0 : 1 - spared / blocks;
    ASSERT_EQ(
        bits_of(data_norm_mask(data, recorded.pattern, recorded.norm)),
        test["result"]["bits"].get<std::string>())
        << test;
    ++masks;
  }
  EXPECT_EQ(masks, 810);
}

// Quirk 29: unlike with weight_norm_mask, all blocks may be dropped.
TEST(DataNormMask, MayDropEveryBlockBelowLevelOne) {
  const auto data = torch::arange(1, 9, torch::kFloat).reshape({1, 8});
  EXPECT_EQ(mask_bits(data, 0.95, {1, 4}, 4), "00000000");
  EXPECT_EQ(bits_of(weight_norm_mask(data, {0.95, {1, 4}, 4})), "00001111");
  EXPECT_EQ(mask_bits(data, 0.95, {1, 4}, 2), "00110011");
}

TEST(DataNormMask, RoundsHalfToEven) {
  const auto data = torch::arange(1, 7, torch::kFloat).reshape({1, 6});
  EXPECT_EQ(mask_bits(data, 0.25, {1, 1}, 1), "001111");    // 1.5
  EXPECT_EQ(mask_bits(data, 2.5 / 6, {1, 1}, 1), "001111"); // 2.5
}

// Quirk 30, for every shape that the reference squeezes to another, and 1 x 1,
// for which it fails.
TEST(DataNormMask, HasTheShapeOfTheDataWhatever) {
  torch::manual_seed(0);
  for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{
           {12}, {12, 1}, {1, 12}, {1, 3, 4}, {3, 1, 4}, {3, 4, 1}, {1}, {}}) {
    const auto data = torch::randn(shape);
    const auto mask = data_norm_mask(data, {0.5, {1, 2}, 2});
    EXPECT_EQ(mask.sizes(), data.sizes());
    const auto matrix = data.dim() == 3 ? data.reshape({3, 4})
                                        : data.reshape({1, data.numel()});
    EXPECT_EQ(bits_of(mask), mask_bits(matrix, 0.5, {1, 2}, 2)) << data.sizes();
  }
}

TEST(DataNormMask, SortsBlocksAsAPlainLoopDoes) {
  torch::manual_seed(0);
  for (const auto dtype : {torch::kFloat, torch::kDouble}) {
    const auto data = torch::randn({7, 10}, dtype);
    const auto scores = block_scores(data.abs(), {2, 3});
    std::vector<std::pair<double, int64_t>> order;
    for (int64_t i = 0; i < scores.numel(); ++i) {
      order.emplace_back(scores.reshape(-1)[i].item<double>(), i);
    }
    std::sort(order.begin(), order.end());
    auto kept = torch::ones({scores.numel()}, torch::kBool);
    for (size_t i = 0; i < 11; ++i) { // round(0.7 * 16)
      kept[order[i].second] = false;
    }
    EXPECT_TRUE(data_norm_mask(data, {0.7, {2, 3}, 6})
                    .equal(expand_blocks(kept.reshape({4, 4}), {2, 3}, 7, 10)));
  }
}

TEST(DataNormMask, TakesEveryDtypeAndStride) {
  torch::manual_seed(0);
  const auto data = (torch::randn({33, 20}) * 16).round() / 16;
  const WeightNormPattern pattern{0.6, {2, 4}, 3};
  const auto expected = data_norm_mask(data, pattern);
  for (const auto dtype : {torch::kDouble, torch::kHalf, torch::kBFloat16}) {
    EXPECT_TRUE(data_norm_mask(data.to(dtype), pattern).equal(expected))
        << dtype;
  }
  EXPECT_TRUE(
      data_norm_mask(data.t().contiguous().t(), pattern).equal(expected));
}

TEST(DataNormMask, NamesWhatItRejects) {
  const auto message_for = [](const torch::Tensor& data,
                              const WeightNormPattern& pattern) {
    return message_of([&] { data_norm_mask(data, pattern); });
  };
  const auto data = torch::ones({4, 4});
  EXPECT_THAT(
      message_for(torch::ones({2, 3, 4}), {}),
      HasSubstr("data_norm_mask: expected at most two dimensions of more than "
                "one element, got shape [2, 3, 4]"));
  EXPECT_THAT(
      message_for(data, {0.5, {1, 4}, 9}),
      HasSubstr("data_norm_mask: expected 0 to 4 zeros per block"));
  EXPECT_THAT(message_for(data, {0.5, {1, 4}, -1}), HasSubstr("got -1"));
  EXPECT_THAT(message_for(data, {0.5, {1, 0}, 0}), HasSubstr("got (1, 0)"));
  EXPECT_THAT(message_for(data, {NAN, {1, 4}, 4}), HasSubstr("got NaN"));
  EXPECT_THAT(message_for({}, {}), HasSubstr("undefined"));
  EXPECT_THAT(message_for(torch::ones({0, 4}), {}), HasSubstr("shape [0, 4]"));
  EXPECT_THAT(
      message_for(torch::ones({4, 4}, torch::kLong), {}),
      HasSubstr("data_norm_mask: expected dtype float64"));
  auto broken = torch::ones({4, 4});
  broken[1][2] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(
      message_for(broken, {}),
      HasSubstr("data_norm_mask: expected finite values, got 1 of 16"));
}

} // namespace
} // namespace coppice::data_norm_test
