#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coppice/sparse/operators.h"
#include "support/errors.h"
#include "support/packed.h"

namespace coppice::conv2d_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;
using testing::random;
using testing::same_bits;
using testing::sparse_weight;
using torch::Tensor;

/// A convolution and its steps.
struct Case {
  std::vector<int64_t> weight; ///< [out, in, height, width]
  std::vector<int64_t> x;      ///< [batch, in, height, width]
  std::vector<int64_t> stride = {1, 1};
  std::vector<int64_t> padding = {0, 0};
  std::vector<int64_t> dilation = {1, 1};
};

const std::vector<Case> kCases = {
    {{8, 5, 3, 3}, {2, 5, 9, 11}, {1, 1}, {1, 1}},
    {{7, 3, 3, 5}, {1, 3, 12, 17}, {2, 3}, {0, 2}, {2, 1}},
    {{5, 4, 1, 1}, {3, 4, 6, 7}},
    {{5, 4, 1, 1}, {3, 4, 6, 7}, {2, 2}},
    {{5, 4, 1, 1}, {2, 4, 3, 3}, {1, 1}, {2, 1}},
    {{33, 17, 3, 3}, {4, 17, 7, 7}, {2, 2}, {1, 1}},
    {{1, 1, 1, 1}, {1, 1, 1, 1}},
    {{3, 2, 4, 4}, {1, 2, 4, 4}},
    {{3, 2, 2, 1}, {5, 2, 3, 70}, {1, 1}, {5, 5}},
    {{6, 2, 3, 3}, {0, 2, 8, 8}},
    {{0, 2, 3, 3}, {1, 2, 8, 8}},
    {{4, 0, 1, 1}, {1, 0, 5, 5}},
    {{16, 150, 3, 3}, {1, 150, 20, 20}, {1, 1}, {1, 1}},
};

Tensor dense_conv(
    const Case& c,
    const Tensor& x,
    const Tensor& w,
    const Tensor& bias) {
  return torch::conv2d(x, w, bias, c.stride, c.padding, c.dilation);
}

/// Compares with LibTorch's convolution in float64.
::testing::AssertionResult
matches(const Case& c, const Tensor& y, const Tensor& x, const Tensor& w) {
  if (w.numel() == 0) {
    // LibTorch does not support some of these.
    return y.eq(0).all().item<bool>() ? ::testing::AssertionSuccess()
                                      : ::testing::AssertionFailure();
  }
  const auto wanted =
      dense_conv(c, x.to(torch::kDouble), w.to(torch::kDouble), {});
  const auto magnitude =
      dense_conv(c, x.abs().to(torch::kDouble), w.abs().to(torch::kDouble), {});
  if (testing::is_close(y, wanted, magnitude)) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
      << "weight " << w.sizes() << " input " << x.sizes();
}

Tensor packed_conv(const Case& c, const Tensor& x, const PackedWeightPtr& w) {
  return conv2d(x, w, {}, c.stride, c.padding, c.dilation);
}

class EveryConvolution : public ::testing::TestWithParam<PackedFormat> {
 protected:
  PackedWeightPtr pack(const Tensor& weight) const {
    return PackedWeight::pack(weight, GetParam());
  }
};

INSTANTIATE_TEST_SUITE_P(
    Formats,
    EveryConvolution,
    ::testing::ValuesIn(packed_formats()),
    [](const auto& info) { return to_string(info.param); });

TEST_P(EveryConvolution, ConvolvesOddShapesAsTheDenseOne) {
  for (const auto& c : kCases) {
    const auto w = sparse_weight(c.weight, 0.6);
    const auto x = random(c.x, 7);
    const auto y = packed_conv(c, x, pack(w));
    EXPECT_TRUE(y.is_contiguous());
    EXPECT_TRUE(matches(c, y, x, w));
  }
}

TEST_P(EveryConvolution, ConvolvesWeightsStoredAsBFloat16) {
  for (const auto& c : kCases) {
    const auto w = sparse_weight(c.weight, 0.6);
    const auto x = random(c.x, 7);
    const auto packed = PackedWeight::pack(
        w, PackedWeightOptions(GetParam()).dtype(torch::kBFloat16));
    EXPECT_TRUE(matches(c, packed_conv(c, x, packed), x, testing::rounded(w)));
  }
}

TEST_P(EveryConvolution, KeepsTheMemoryFormatOfTheInput) {
  for (const auto& c : kCases) {
    const auto w = sparse_weight(c.weight, 0.6);
    const auto x = random(c.x, 7).contiguous(c10::MemoryFormat::ChannelsLast);
    const auto y = packed_conv(c, x, pack(w));
    EXPECT_TRUE(matches(c, y, x, w));
    EXPECT_TRUE(y.is_contiguous(x.suggest_memory_format()));
  }
}

TEST_P(EveryConvolution, SupportsAnyStrides) {
  const auto w = sparse_weight({6, 4, 3, 3}, 0.6);
  const auto pointwise = sparse_weight({6, 4, 1, 1}, 0.6);
  const Case c;
  const auto memory = random({2, 9, 20, 11}, 3);
  const auto sliced = memory.slice(1, 0, 8, 2).slice(2, 1, 17).slice(3, 2, 9);
  const auto turned = memory.slice(1, 0, 4).transpose(2, 3);
  for (const auto& x : {sliced, turned, memory.slice(1, 3, 7)}) {
    EXPECT_TRUE(matches(c, packed_conv(c, x, pack(w)), x, w));
    EXPECT_TRUE(matches(c, packed_conv(c, x, pack(pointwise)), x, pointwise));
  }
}

TEST_P(EveryConvolution, AddsBiasAndClamps) {
  const auto w = sparse_weight({6, 4, 3, 3}, 0.6);
  const auto bias = random({6}, 5);
  for (const auto& x : {random({2, 4, 8, 9}, 7), random({4, 8, 9}, 7)}) {
    const auto wanted = torch::conv2d(x, w, bias, 2, 1);
    const auto y = conv2d(x, pack(w), bias, 2, 1);
    EXPECT_TRUE(y.allclose(wanted, 1e-5, 1e-5));
    EXPECT_TRUE(conv2d_relu(x, pack(w), bias, 2, 1).equal(y.relu()));
  }
}

TEST_P(EveryConvolution, DoesNotDependOnTheNumberOfThreads) {
  const int callers = torch::get_num_threads();
  const auto packed = pack(sparse_weight({64, 32, 3, 3}, 0.5));
  for (const int64_t side : {6, 30}) {
    const auto x = random({1, 32, side, side}, 7);
    torch::set_num_threads(1);
    const auto alone = conv2d(x, packed, {}, 1, 1);
    for (const int threads : {2, 3}) {
      torch::set_num_threads(threads);
      EXPECT_TRUE(same_bits(conv2d(x, packed, {}, 1, 1), alone));
    }
  }
  torch::set_num_threads(callers);
}

TEST(Conv2d, SendsGradientsBack) {
  const auto w = sparse_weight({6, 4, 3, 3}, 0.6);
  const auto packed = PackedWeight::pack(w, PackedFormat::PatternPanels);
  const auto bias = random({6}, 5);
  for (const auto& x : {random({2, 4, 8, 9}, 7), random({4, 8, 9}, 7)}) {
    for (const bool relu : {false, true}) {
      const auto x1 = x.clone().requires_grad_();
      const auto b1 = bias.clone().requires_grad_();
      (relu ? conv2d_relu(x1, packed, b1, 2, 1) : conv2d(x1, packed, b1, 2, 1))
          .square()
          .sum()
          .backward();
      const auto x2 = x.clone().requires_grad_();
      const auto b2 = bias.clone().requires_grad_();
      const auto y = torch::conv2d(x2, w, b2, 2, 1);
      (relu ? y.relu() : y).square().sum().backward();
      EXPECT_TRUE(x1.grad().allclose(x2.grad(), 1e-4, 1e-4));
      EXPECT_TRUE(b1.grad().allclose(b2.grad(), 1e-4, 1e-4));
    }
  }
}

TEST(Conv2d, FindsTheShapeOfMetaTensors) {
  const auto packed =
      PackedWeight::pack(random({6, 4, 3, 3}), PackedFormat::PatternPanels);
  const auto y =
      conv2d(torch::empty({2, 4, 8, 9}, torch::kMeta), packed, {}, 2, 1);
  EXPECT_EQ(y.sizes(), (torch::IntArrayRef{2, 6, 4, 5}));
}

TEST(Conv2d, NamesMismatchedOperands) {
  const auto packed =
      PackedWeight::pack(random({6, 4, 3, 3}), PackedFormat::PatternPanels);
  const auto x = torch::ones({2, 4, 8, 9});
  EXPECT_THAT(
      message_of([&] {
        conv2d(torch::ones({2, 5, 8, 9}), packed);
      }),
      AllOf(HasSubstr("[2, 5, 8, 9]"), HasSubstr("[6, 4, 3, 3]")));
  EXPECT_THAT(
      message_of([&] {
        conv2d(torch::ones({4, 2, 9}), packed);
      }),
      HasSubstr("smaller than the kernel"));
  EXPECT_THAT(
      message_of([&] { conv2d(x, packed, {}, 0); }), HasSubstr("stride"));
  EXPECT_THAT(
      message_of([&] { conv2d(x, packed, {}, 1, -1); }), HasSubstr("padding"));
  EXPECT_THAT(
      message_of([&] { conv2d(x, packed, {}, 1, 1, 0); }),
      HasSubstr("dilation"));
  const auto matrix = PackedWeight::pack(random({6, 4}), PackedFormat::Dense);
  EXPECT_THAT(message_of([&] { conv2d(x, matrix); }), HasSubstr("[6, 4]"));
  EXPECT_THAT(
      message_of<c10::TypeError>([&] { conv2d(x.to(torch::kHalf), packed); }),
      HasSubstr("Half"));
}

} // namespace
} // namespace coppice::conv2d_test
