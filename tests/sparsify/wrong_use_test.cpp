// Wrong use: one clear sentence each, and no change of the model.

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <limits>

#include "coppice/sparsify/weight_norm_sparsifier.h"
#include "support/errors.h"
#include "support/models.h"

namespace coppice::wrong_use_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;
using testing::SimpleLinear;

class WrongUse : public ::testing::Test {
 protected:
  std::string prepare_message(const TensorConfig& config) {
    WeightNormSparsifier sparsifier;
    return message_of([&] { sparsifier.prepare(model, {config}); });
  }

  std::string table_message(const torch::Tensor& tensor) {
    WeightNormSparsifier sparsifier(
        WeightNormOptions().sparse_block_shape({1, 1}));
    return message_of([&] {
      sparsifier.prepare({{{"w", tensor}}}, {{"w"}});
      sparsifier.step();
    });
  }

  SimpleLinear model;
};

TEST_F(WrongUse, AnFqnThatIsNotInTheModel) {
  EXPECT_THAT(
      prepare_message({"linear3.weight"}),
      HasSubstr("no tensor `linear3.weight`; the nearest name is "
                "`linear1.weight`"));
}

TEST_F(WrongUse, ALevelOutsideZeroToOne) {
  for (const double level : {-0.1, 1.5}) {
    const auto options = WeightNormOptions().sparsity_level(level);
    EXPECT_THAT(
        prepare_message({"linear1.weight", options}),
        AllOf(
            HasSubstr("expected a fraction in [0, 1], got "),
            HasSubstr("`linear1.weight`")));
    EXPECT_THAT(
        message_of([&] { WeightNormSparsifier{options}; }),
        HasSubstr("expected a fraction in [0, 1]"));
  }
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(
      message_of([&] {
        WeightNormSparsifier{WeightNormOptions().sparsity_level(nan)};
      }),
      HasSubstr("got nan"));
}

TEST_F(WrongUse, ABlockLargerThanTheTensor) {
  EXPECT_THAT(
      prepare_message(
          {"linear1.weight", WeightNormOptions().sparse_block_shape({8, 1})}),
      AllOf(
          HasSubstr(
              "the block (8, 1) is larger than the weight of shape [4, 4]"),
          HasSubstr("`linear1.weight`")));
}

TEST_F(WrongUse, ABlockThatIsNotPositive) {
  EXPECT_THAT(
      prepare_message(
          {"linear1.weight", WeightNormOptions().sparse_block_shape({0, 4})}),
      HasSubstr("expected positive rows and columns, got (0, 4)"));
}

TEST_F(WrongUse, ZerosPerBlockBeyondTheBlock) {
  EXPECT_THAT(
      prepare_message(
          {"linear1.weight", WeightNormOptions().zeros_per_block(5)}),
      AllOf(
          HasSubstr("expected 0 to 4"),
          HasSubstr("got 5"),
          HasSubstr("`linear1.weight`")));
  EXPECT_THAT(
      message_of([] {
        WeightNormSparsifier{WeightNormOptions().zeros_per_block(-1)};
      }),
      HasSubstr("got -1"));
}

TEST_F(WrongUse, ANormOfAnotherOrder) {
  EXPECT_THAT(
      prepare_message(
          {"linear1.weight",
           WeightNormOptions(SparsifierOptions().set("norm", 3))}),
      HasSubstr("`norm`: expected 1 or 2, got 3"));
}

TEST_F(WrongUse, AnOptionOfAnotherType) {
  EXPECT_THAT(
      prepare_message(
          {"linear1.weight",
           SparsifierOptions().set("sparsity_level", "high")}),
      HasSubstr("`sparsity_level`: expected a number, got high"));
  EXPECT_THAT(
      prepare_message(
          {"linear1.weight", SparsifierOptions().set("sparse_block_shape", 4)}),
      HasSubstr("`sparse_block_shape`: expected (rows, cols), got 4"));
}

TEST_F(WrongUse, StepBeforePrepare) {
  WeightNormSparsifier sparsifier;
  EXPECT_THAT(
      message_of([&] { sparsifier.step(); }),
      HasSubstr("step: call `prepare` with a model first"));
  EXPECT_THAT(
      message_of([&] { sparsifier.mask("linear1.weight"); }),
      HasSubstr("call `prepare` with a model first"));
}

TEST_F(WrongUse, SquashMaskBeforePrepareAndTwice) {
  WeightNormSparsifier sparsifier;
  EXPECT_THAT(
      message_of([&] { sparsifier.squash_mask(); }),
      HasSubstr("squash_mask: call `prepare` with a model first"));
  sparsifier.prepare(model);
  sparsifier.squash_mask();
  EXPECT_THAT(
      message_of([&] { sparsifier.squash_mask(); }),
      HasSubstr("squash_mask: the masks were squashed"));
  EXPECT_THAT(
      message_of([&] { sparsifier.step(); }),
      HasSubstr("step: the masks were squashed"));
}

TEST_F(WrongUse, PrepareTwice) {
  WeightNormSparsifier sparsifier;
  sparsifier.prepare(model);
  EXPECT_THAT(
      message_of([&] { sparsifier.prepare(model); }),
      HasSubstr("already prepared"));
}

TEST_F(WrongUse, TheSameTensorTwice) {
  WeightNormSparsifier sparsifier;
  EXPECT_THAT(
      message_of([&] {
        sparsifier.prepare(model, {{"linear1.weight"}, {"linear1.weight"}});
      }),
      HasSubstr("`linear1.weight` is the same tensor as `linear1.weight`"));
  sparsifier.prepare(model, {{"linear1.weight"}});
}

TEST_F(WrongUse, AnEmptyConfiguration) {
  WeightNormSparsifier sparsifier;
  EXPECT_THAT(
      message_of(
          [&] { sparsifier.prepare(model, std::vector<TensorConfig>()); }),
      HasSubstr("names no tensors"));
}

TEST_F(WrongUse, AnIntegerTensor) {
  EXPECT_THAT(
      table_message(torch::ones({4, 4}, torch::kLong)),
      AllOf(HasSubstr("floating"), HasSubstr("Long"), HasSubstr("`w`")));
}

TEST_F(WrongUse, AnEmptyTensor) {
  EXPECT_THAT(
      table_message(torch::ones({0, 4})),
      AllOf(HasSubstr("empty one of shape [0, 4]"), HasSubstr("`w`")));
}

TEST_F(WrongUse, ATensorOfOneDimension) {
  EXPECT_THAT(
      table_message(torch::ones({4})),
      AllOf(HasSubstr("two or more dimensions"), HasSubstr("`w`")));
}

TEST_F(WrongUse, NanAndInfinityInAWeight) {
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(),
        std::numeric_limits<float>::infinity()}) {
    auto weight = torch::ones({4, 4});
    weight[1][2] = value;
    const auto before = weight.clone();
    EXPECT_THAT(
        table_message(weight),
        AllOf(
            HasSubstr("1 of 16 that are NaN or infinite, the first at index 6"),
            HasSubstr("while masking `w`")));
    EXPECT_TRUE(weight.allclose(before, 0, 0, /*equal_nan=*/true));
  }
}

TEST_F(WrongUse, OneSentenceWithoutLineBreaks) {
  for (const auto& message :
       {prepare_message({"nope"}),
        prepare_message(
            {"linear1.weight", WeightNormOptions().zeros_per_block(5)})}) {
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

} // namespace
} // namespace coppice::wrong_use_test
