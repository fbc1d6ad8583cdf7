#include "coppice/masks/weight_norm.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "support/golden.h"

namespace coppice::weight_norm_test {
namespace {

using testing::bits_of;
using testing::golden;
using testing::golden_tensor;
using ::testing::HasSubstr;

std::string mask_bits(
    const torch::Tensor& weight,
    double level,
    BlockShape block,
    int64_t zeros,
    Norm norm = Norm::L1) {
  return bits_of(weight_norm_mask(weight, {level, block, zeros}, norm));
}

/// The message of the c10::ValueError that the mask of `weight` throws.
std::string message_for(
    const torch::Tensor& weight,
    const WeightNormPattern& pattern) {
  try {
    weight_norm_mask(weight, pattern);
  } catch (const c10::ValueError& error) {
    return error.what_without_backtrace();
  }
  return "no c10::ValueError";
}

// weight_norm.json: 4198 masks of the reference, and 3674 cases in which it
// fails although there is a reasonable mask.
TEST(WeightNormMask, GoldenMasksOfTheReference) {
  const auto data = golden("weight_norm.json");
  int masks = 0;
  int intended = 0;
  for (const auto& test : data["cases"]) {
    const auto weight = golden_tensor(data["weights"][test["weight"]]);
    const bool ran = test["result"].contains("bits");
    (ran ? masks : intended) += 1;
    const auto expected =
        (ran ? test["result"]["bits"] : test["intended"]).get<std::string>();
    const auto norm = test["norm"] == 1 ? Norm::L1 : Norm::L2;
    const BlockShape block{test["block"][0], test["block"][1]};
    ASSERT_EQ(
        mask_bits(weight, test["level"], block, test["zpb"], norm), expected)
        << test;
  }
  EXPECT_EQ(masks, 4198);
  EXPECT_EQ(intended, 3674);
}

TEST(WeightNormMask, GoldenZerosPerBlockErrors) {
  const auto data = golden("weight_norm.json");
  const auto weight = golden_tensor(data["weights"]["w_special_4x8"]);
  for (const auto& test : data["special"]) {
    if (test["kind"] == "zpb_error") {
      EXPECT_THROW(
          mask_bits(weight, test["level"], {1, 4}, test["zpb"]),
          c10::ValueError)
          << test;
    }
  }
}

// The reference fails on half; ours gives the mask of the other dtypes, as the
// values keep their order.
TEST(WeightNormMask, GoldenDtypes) {
  const auto data = golden("weight_norm.json");
  const auto weight = golden_tensor(data["weights"]["w_special_4x8"]);
  const std::string expected = "10101011011001000110001001101110";
  for (const auto dtype :
       {torch::kDouble, torch::kFloat, torch::kHalf, torch::kBFloat16}) {
    EXPECT_EQ(mask_bits(weight.to(dtype), 0.5, {1, 1}, 1), expected) << dtype;
  }
}

TEST(WeightNormMask, GoldenNormOfTheCallersOwn) {
  const auto data = golden("weight_norm.json");
  for (const auto& test : data["special"]) {
    if (test["kind"] == "callable_norm_abs_cubed") {
      const auto weight = golden_tensor(data["weights"][test["weight"]]);
      const auto scores = weight.abs().pow(3);
      EXPECT_EQ(
          bits_of(weight_norm_mask_of_scores(scores, {0.5, {1, 4}, 4})),
          test["result"]["bits"].get<std::string>());
    }
  }
}

// docs/reference.md 2.3, row by row.
TEST(WeightNormMask, WorkedExamples) {
  const auto weight = torch::arange(1, 9, torch::kFloat).reshape({1, 8});
  EXPECT_EQ(mask_bits(weight, 0.5, {1, 4}, 4), "00001111");
  EXPECT_EQ(mask_bits(weight, 1.0, {1, 4}, 2), "00110011");
  EXPECT_EQ(mask_bits(weight, 0.5, {1, 4}, 2), "00111111");
  EXPECT_EQ(mask_bits(weight, 0.25, {1, 1}, 1), "00111111");
  EXPECT_EQ(mask_bits(weight, 0.3, {1, 4}, 4), "00001111");
  EXPECT_EQ(mask_bits(weight, 0.2, {1, 4}, 4), "11111111");
  EXPECT_EQ(mask_bits(torch::tensor({{0.7f}}), 0.99, {1, 1}, 1), "1");
}

// WeightNorm.test_sparsity_levels of the reference (docs/reference.md 7.2): all
// ties, exact shares of zeros.
TEST(WeightNormMask, ReferenceTestSparsityLevels) {
  const auto weight = torch::ones({12, 12});
  for (const double level : {-1.0, 0.0, 0.5, 1.0, 2.0}) {
    for (const BlockShape block :
         {BlockShape{1, 1},
          BlockShape{1, 4},
          BlockShape{2, 2},
          BlockShape{4, 1}}) {
      for (int64_t zeros = 0; zeros <= block.size(); ++zeros) {
        const auto mask = weight_norm_mask(weight, {level, block, zeros});
        const double share = std::clamp(level, 0.0, 1.0) * zeros / block.size();
        EXPECT_EQ(mask.logical_not().sum().item<int64_t>(), 144 * share)
            << level << ' ' << block << ' ' << zeros;
      }
    }
  }
}

// WeightNorm.test_step_2_of_4 of the reference.
TEST(WeightNormMask, LevelOneWithTwoZerosInFourIsTwoOfFour) {
  torch::manual_seed(0);
  const auto mask = weight_norm_mask(torch::randn({4, 4}), {1.0, {1, 4}, 2});
  EXPECT_TRUE(mask.sum(1).eq(2).all().item<bool>());
}

TEST(WeightNormMask, DropsTheLowerIndexOnATie) {
  const auto ones = torch::ones({2, 8});
  EXPECT_EQ(mask_bits(ones, 0.5, {1, 4}, 4), "0000000011111111");
  EXPECT_EQ(mask_bits(ones, 1.0, {1, 4}, 1), "0111011101110111");
  EXPECT_EQ(mask_bits(ones, 0.25, {1, 1}, 1), "0000111111111111");
}

TEST(WeightNormMask, FlattensTheWeightOfAConvolution) {
  torch::manual_seed(0);
  const auto weight = torch::randn({6, 3, 2, 4});
  const WeightNormPattern pattern{0.5, {2, 5}, 7};
  const auto mask = weight_norm_mask(weight, pattern);
  EXPECT_EQ(mask.sizes(), weight.sizes());
  EXPECT_TRUE(mask.reshape({6, 24}).equal(
      weight_norm_mask(weight.reshape({6, 24}), pattern)));
}

TEST(WeightNormMask, CutsABlockLargerThanTheMatrix) {
  const auto weight = torch::tensor({{3.f, 1.f, 2.f}});
  EXPECT_EQ(mask_bits(weight, 0.9, {4, 8}, 32), "111");
  EXPECT_EQ(mask_bits(weight, 1.0, {4, 8}, 2), "100");
}

TEST(WeightNormMask, OrdersSinglesWhoseSquaresUnderflow) {
  const auto weight = torch::tensor({{1e-30f, -1e-31f, 1e-32f, -1e-29f}});
  EXPECT_EQ(mask_bits(weight, 0.5, {1, 1}, 1, Norm::L2), "1001");
  EXPECT_EQ(mask_bits(weight, 1.0, {1, 4}, 2, Norm::L2), "1001");
}

TEST(WeightNormMask, TakesAWeightThatRequiresAGradient) {
  const auto weight = torch::rand({4, 4}).requires_grad_();
  EXPECT_FALSE(weight_norm_mask(weight, {0.5, {1, 4}, 4}).requires_grad());
}

TEST(WeightNormMask, CountsValuesThatAreNotFinite) {
  auto weight = torch::ones({3, 5});
  weight[1][2] = std::nan("");
  weight[2][0] = std::numeric_limits<float>::infinity();
  for (const auto block : {BlockShape{1, 1}, BlockShape{1, 4}}) {
    EXPECT_THAT(
        message_for(weight, {0.5, block, 1}),
        HasSubstr(
            "got 2 of 15 that are NaN or infinite, the first at index 7"));
  }
}

TEST(WeightNormMask, DoesNotLookAtValuesThatTheLevelSettles) {
  const auto weight = torch::full({2, 4}, std::nan(""), torch::kFloat);
  EXPECT_EQ(mask_bits(weight, 0.0, {1, 4}, 4), "11111111");
  EXPECT_EQ(mask_bits(weight, 0.5, {1, 4}, 0), "11111111");
  EXPECT_EQ(mask_bits(weight, 1.0, {1, 4}, 4), "00000000");
}

TEST(WeightNormMask, NamesWhatItRejects) {
  const auto weight = torch::ones({4, 8});
  EXPECT_THAT(
      message_for(weight, {0.5, {1, 4}, 5}),
      HasSubstr("expected 0 to 4 zeros per block of shape (1, 4), got 5"));
  EXPECT_THAT(message_for(weight, {0.5, {0, 4}, 0}), HasSubstr("got (0, 4)"));
  EXPECT_THAT(message_for(weight, {NAN, {1, 4}, 4}), HasSubstr("got NaN"));
  EXPECT_THAT(
      message_for(torch::ones({4}), {0.5, {1, 4}, 4}), HasSubstr("shape [4]"));
  EXPECT_THAT(
      message_for(torch::ones({0, 4}), {0.5, {1, 4}, 4}),
      HasSubstr("shape [0, 4]"));
  EXPECT_THAT(
      message_for(torch::ones({4, 4}, torch::kInt), {0.5, {1, 4}, 4}),
      HasSubstr("got Int"));
  EXPECT_THAT(
      message_for(torch::Tensor(), {0.5, {1, 4}, 4}), HasSubstr("undefined"));
}

// Options are checked before data.
TEST(WeightNormMask, RejectsZerosPerBlockBeforeTheShape) {
  EXPECT_THAT(
      message_for(torch::ones({4}), {0.5, {1, 4}, 5}),
      HasSubstr("zeros per block"));
}

TEST(WeightNormMaskOfScores, TakesNegativeScores) {
  const auto scores = torch::tensor({{-3.f, 4.f, -1.f, 0.f}});
  EXPECT_EQ(
      bits_of(weight_norm_mask_of_scores(scores, {0.5, {1, 1}, 1})), "0101");
  EXPECT_EQ(
      bits_of(weight_norm_mask_of_scores(scores, {0.5, {1, 2}, 2})), "1100");
}

TEST(WeightNormMaskOfScores, CountsNanAsTheHighest) {
  const auto scores = torch::tensor({{NAN, 2.f, INFINITY, 0.f}});
  EXPECT_EQ(
      bits_of(weight_norm_mask_of_scores(scores, {0.5, {1, 1}, 1})), "1010");
  EXPECT_EQ(
      bits_of(weight_norm_mask_of_scores(scores, {1.0, {1, 4}, 3})), "1000");
  EXPECT_EQ(
      bits_of(weight_norm_mask_of_scores(scores, {0.5, {1, 2}, 2})), "1100");
}

} // namespace
} // namespace coppice::weight_norm_test
