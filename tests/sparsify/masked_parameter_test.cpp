#include "sparsify/masked_parameter.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <limits>

#include "support/errors.h"

namespace coppice::masked_parameter_test {
namespace {

using sparsify::MaskedParameter;
using ::testing::HasSubstr;
using testing::message_of;

torch::Tensor parameter(std::vector<float> values) {
  return torch::tensor(values).requires_grad_();
}

torch::Tensor mask(std::vector<float> values) {
  return torch::tensor(values).ne(0);
}

void expect_equal(const torch::Tensor& got, const torch::Tensor& expected) {
  EXPECT_TRUE(got.detach().equal(expected)) << got << "\nexpected\n"
                                            << expected;
}

// docs/reference.md 7.3, test_masking_logic.
TEST(MaskedParameter, HoldsTheEffectiveWeight) {
  auto weight = parameter({1, 2, 3, 4});
  MaskedParameter masked(weight);
  expect_equal(weight, torch::tensor({1.f, 2.f, 3.f, 4.f}));
  EXPECT_TRUE(masked.set_mask(mask({1, 0, 0, 1})));
  expect_equal(weight, torch::tensor({1.f, 0.f, 0.f, 4.f}));
  expect_equal(masked.original(), torch::tensor({1.f, 2.f, 3.f, 4.f}));
  expect_equal(masked.dropped(), torch::tensor({0.f, 2.f, 3.f, 0.f}));
  EXPECT_FALSE(masked.set_mask(mask({1, 0, 0, 1}))) << "it is the same mask";
}

TEST(MaskedParameter, BringsBackWhatTheMaskKeepsAgain) {
  auto weight = parameter({1, 2, 3, 4});
  MaskedParameter masked(weight);
  masked.set_mask(mask({0, 0, 1, 1}));
  masked.set_mask(mask({0, 1, 1, 0}));
  expect_equal(weight, torch::tensor({0.f, 2.f, 3.f, 0.f}));
  masked.set_mask(mask({1, 1, 1, 1}));
  expect_equal(weight, torch::tensor({1.f, 2.f, 3.f, 4.f}));
}

TEST(MaskedParameter, TakesAWriteToADroppedEntryForItsNewOriginal) {
  auto weight = parameter({1, 2, 3, 4});
  MaskedParameter masked(weight);
  masked.set_mask(mask({1, 0, 0, 1}));
  {
    const torch::NoGradGuard no_grad;
    weight.copy_(torch::tensor({10.f, 20.f, 0.f, 40.f}));
  }
  expect_equal(masked.original(), torch::tensor({10.f, 20.f, 3.f, 40.f}));
  masked.absorb_writes();
  expect_equal(weight, torch::tensor({10.f, 0.f, 0.f, 40.f}));
  masked.set_mask(mask({1, 1, 1, 1}));
  expect_equal(weight, torch::tensor({10.f, 20.f, 3.f, 40.f}));
}

TEST(MaskedParameter, RenewsItsMaskFromTheEffectiveWeight) {
  for (const auto type : {torch::kFloat, torch::kDouble}) {
    auto weight = torch::tensor({{1.f, 2.f, 3.f, 4.f}}).to(type);
    MaskedParameter masked(weight);
    const WeightNormPattern half{0.5, {1, 1}, 1};
    for (int step = 0; step < 3; ++step) {
      masked.set_mask(masked.renewed_mask(half, Norm::L2));
      expect_equal(weight, torch::tensor({{0.f, 0.f, 3.f, 4.f}}).to(type));
      weight[0][0] = 10; // Its new dropped value, not a score.
    }
    masked.set_mask(masked.renewed_mask({0, {1, 1}, 1}, Norm::L2));
    expect_equal(weight, torch::tensor({{10.f, 2.f, 3.f, 4.f}}).to(type));
  }
}

TEST(MaskedParameter, DropsTheGradientOfDroppedEntriesAlsoWhenItIsNotFinite) {
  auto weight = parameter({1, 2, 3, 4});
  MaskedParameter masked(weight);
  masked.set_mask(mask({1, 0, 0, 1}));
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  weight.backward(torch::tensor({5.f, inf, nan, 7.f}));
  expect_equal(weight.grad(), torch::tensor({5.f, 0.f, 0.f, 7.f}));
}

TEST(MaskedParameter, LeavesAGradientAloneThatSomebodyElseHolds) {
  auto weight = parameter({1, 2, 3, 4});
  MaskedParameter masked(weight);
  masked.set_mask(mask({1, 0, 0, 1}));
  const auto gradient = torch::ones({4});
  weight.backward(gradient);
  expect_equal(gradient, torch::ones({4}));
  expect_equal(weight.grad(), torch::tensor({1.f, 0.f, 0.f, 1.f}));

  // add passes one gradient to both of its arguments.
  weight.mutable_grad() = torch::Tensor();
  auto other = parameter({0, 0, 0, 0});
  auto sum = weight + other;
  (sum * 3).sum().backward();
  expect_equal(other.grad(), torch::full({4}, 3.f));
  expect_equal(weight.grad(), torch::tensor({3.f, 0.f, 0.f, 3.f}));
}

TEST(MaskedParameter, MasksTheGradientOfALinearLayerInPlace) {
  torch::manual_seed(0);
  torch::nn::Linear linear(64, 32);
  MaskedParameter masked(linear->weight);
  const auto keep = torch::rand({32, 64}).lt(0.5);
  masked.set_mask(keep);
  const auto input = torch::randn({16, 64});
  linear(input).pow(2).sum().backward();
  EXPECT_TRUE(
      linear->weight.grad().masked_select(~keep).eq(0).all().item<bool>());
  EXPECT_TRUE(
      linear->weight.grad().masked_select(keep).ne(0).all().item<bool>());
}

TEST(MaskedParameter, SupportsGradientsOfGradients) {
  auto weight = parameter({1, 2, 3, 4});
  MaskedParameter masked(weight);
  masked.set_mask(mask({1, 0, 0, 1}));
  auto cubes = weight.pow(3).sum();
  auto first = torch::autograd::grad({cubes}, {weight}, {}, true, true)[0];
  first.sum().backward();
  expect_equal(weight.grad(), torch::tensor({6.f, 0.f, 0.f, 24.f}));
}

TEST(MaskedParameter, MasksTheSparseGradientOfAnEmbedding) {
  torch::nn::Embedding embedding(
      torch::nn::EmbeddingOptions(5, 3).sparse(true));
  MaskedParameter masked(embedding->weight);
  auto keep = torch::ones({5, 3}, torch::kBool);
  keep[1][2] = false;
  masked.set_mask(keep);
  embedding(torch::tensor({1, 1, 3})).sum().backward();
  auto expected = torch::zeros({5, 3});
  expected[1] = torch::tensor({2.f, 2.f, 0.f});
  expected[3] = 1;
  expect_equal(embedding->weight.grad().to_dense(), expected);
}

TEST(MaskedParameter, HooksAParameterThatIsUnfrozenLater) {
  auto weight = torch::tensor({1.f, 2.f});
  MaskedParameter masked(weight);
  masked.set_mask(mask({1, 0}));
  weight.requires_grad_();
  masked.absorb_writes();
  weight.sum().backward();
  expect_equal(weight.grad(), torch::tensor({1.f, 0.f}));
}

TEST(MaskedParameter, FollowsTheParameterToAnotherDtype) {
  torch::nn::Linear linear(4, 4);
  MaskedParameter masked(linear->weight);
  auto keep = torch::eye(4).ne(0);
  masked.set_mask(keep);
  const auto whole = masked.original();
  linear->to(torch::kDouble);
  masked.absorb_writes();
  expect_equal(masked.original(), whole.to(torch::kDouble));
  masked.set_mask(torch::ones({4, 4}, torch::kBool));
  expect_equal(linear->weight, whole.to(torch::kDouble));
}

TEST(MaskedParameter, SquashLetsTheParameterGo) {
  auto weight = parameter({1, 2});
  MaskedParameter masked(weight);
  masked.set_mask(mask({1, 0}));
  masked.squash();
  expect_equal(weight, torch::tensor({1.f, 0.f}));
  weight.sum().backward();
  expect_equal(weight.grad(), torch::ones({2}));
}

TEST(MaskedParameter, LetsTheParameterGoWhenItEnds) {
  auto weight = parameter({1, 2});
  {
    MaskedParameter masked(weight);
    masked.set_mask(mask({1, 0}));
  }
  weight.sum().backward();
  expect_equal(weight.grad(), torch::ones({2}));
}

TEST(MaskedParameter, IsNotChangedThroughTheMaskThatWasHandedIn) {
  auto weight = parameter({1, 2});
  MaskedParameter masked(weight);
  auto keep = mask({1, 0});
  masked.set_mask(keep);
  keep.fill_(true);
  masked.mask().fill_(true);
  expect_equal(masked.mask(), mask({1, 0}));
}

TEST(MaskedParameter, KeepsANegativeZeroOutOfDroppedEntries) {
  auto weight = parameter({-1, 2});
  MaskedParameter masked(weight);
  masked.set_mask(mask({0, 1}));
  EXPECT_FALSE(std::signbit(weight[0].item<float>()));
}

class MaskedParameterDtype
    : public ::testing::TestWithParam<torch::ScalarType> {};

TEST_P(MaskedParameterDtype, DropsAndRestoresBitForBit) {
  torch::manual_seed(1);
  // A matrix, and a convolution in channels-last memory.
  for (auto values :
       {torch::randn({33, 65}),
        torch::randn({8, 4, 3, 3})
            .contiguous(at::MemoryFormat::ChannelsLast)}) {
    auto weight = values.to(GetParam()).requires_grad_();
    const auto before = weight.detach().clone();
    MaskedParameter masked(weight);
    const auto keep = torch::rand(weight.sizes()).lt(0.3);
    masked.set_mask(keep);
    expect_equal(weight, before.masked_fill(~keep, 0));
    expect_equal(masked.original(), before);
    masked.set_mask(~keep);
    expect_equal(weight, before.masked_fill(keep, 0));
    masked.set_mask(torch::ones_like(keep));
    expect_equal(weight, before);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Dtypes,
    MaskedParameterDtype,
    ::testing::Values(
        torch::kFloat,
        torch::kDouble,
        torch::kHalf,
        torch::kBFloat16));

TEST(MaskedParameter, RefusesWhatItCannotMask) {
  EXPECT_THAT(
      message_of([] { MaskedParameter(torch::ones({2}, torch::kLong)); }),
      HasSubstr("floating tensor, got one of type Long"));
  EXPECT_THAT(
      message_of([] {
        MaskedParameter(torch::ones({0, 2}));
      }),
      HasSubstr("empty one of shape [0, 2]"));
  EXPECT_THAT(
      message_of([] {
        MaskedParameter(torch::ones({2, 2}).to_sparse());
      }),
      HasSubstr("dense tensor"));
  MaskedParameter masked(parameter({1, 2}));
  EXPECT_THAT(
      message_of([&] {
        masked.set_mask(mask({1, 0, 1}));
      }),
      HasSubstr("shape [2], got Bool and [3]"));
}

} // namespace
} // namespace coppice::masked_parameter_test
