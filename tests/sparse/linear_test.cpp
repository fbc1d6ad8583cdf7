#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "coppice/sparse/operators.h"
#include "support/errors.h"
#include "support/packed.h"

namespace coppice::linear_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::is_close;
using testing::message_of;
using testing::random;
using testing::same_bits;
using testing::sparse_weight;
using torch::Tensor;

Tensor wide(const Tensor& tensor) {
  return tensor.to(torch::kDouble);
}

/// Compares with the product in float64.
::testing::AssertionResult
matches(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias) {
  const auto wanted = wide(x).matmul(wide(w).t()) + wide(bias);
  const auto magnitude =
      wide(x).abs().matmul(wide(w).abs().t()) + wide(bias).abs();
  if (is_close(y, wanted, magnitude)) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
      << "weight " << w.sizes() << " input " << x.sizes();
}

class EveryLinear : public ::testing::TestWithParam<PackedFormat> {
 protected:
  PackedWeightPtr pack(const Tensor& weight) const {
    return PackedWeight::pack(weight, GetParam());
  }
};

TEST_P(EveryLinear, MultipliesOddShapesSparsitiesAndBatches) {
  const int64_t shapes[][2] = {
      {1, 1}, {1, 100}, {100, 1}, {3, 0}, {0, 3}, {5, 7}, {17, 67}, {131, 257}};
  for (const auto& shape : shapes) {
    for (const double sparsity : {0.0, 0.6, 0.95, 1.0}) {
      const auto w = sparse_weight(shape, sparsity);
      const auto packed = pack(w);
      const auto bias = random({shape[0]}, 5);
      for (const int64_t batch : {0, 1, 2, 7, 8, 16, 33, 128}) {
        const auto x = random({batch, shape[1]}, 7);
        ASSERT_TRUE(matches(linear(x, packed, bias), x, w, bias));
        ASSERT_TRUE(matches(linear(x, packed), x, w, torch::zeros({shape[0]})));
      }
    }
  }
}

TEST_P(EveryLinear, MultipliesWeightsStoredAsBFloat16) {
  const int64_t shapes[][2] = {{1, 1}, {1, 100}, {3, 0}, {5, 7}, {131, 257}};
  for (const auto& shape : shapes) {
    const auto w = sparse_weight(shape, 0.6);
    const auto packed = PackedWeight::pack(
        w, PackedWeightOptions(GetParam()).dtype(torch::kBFloat16));
    const auto bias = random({shape[0]}, 5);
    for (const int64_t batch : {1, 2, 7, 33}) {
      const auto x = random({batch, shape[1]}, 7);
      ASSERT_TRUE(
          matches(linear(x, packed, bias), x, testing::rounded(w), bias));
    }
  }
}

TEST_P(EveryLinear, MultipliesBlocksAndEmptyRows) {
  for (const auto block : {BlockShape{4, 1}, BlockShape{1, 16}}) {
    auto w = sparse_weight({64, 96}, 0.8, block);
    w[3].zero_();
    w[63].zero_();
    const auto bias = random({64}, 5);
    for (const int64_t batch : {1, 40}) {
      const auto x = random({batch, 96}, 7);
      EXPECT_TRUE(matches(linear(x, pack(w), bias), x, w, bias));
    }
  }
}

TEST_P(EveryLinear, SupportsAnyLeadingDimensionsAndStrides) {
  const auto w = sparse_weight({19, 24}, 0.7);
  const auto packed = pack(w);
  const auto bias = random({38}, 5).slice(0, 0, 38, 2);
  const auto memory = random({2, 3, 49}, 7);
  const auto turned = random({24, 6}, 9).t();
  const auto unaligned = memory.slice(2, 1, 25);
  const auto strided = memory.slice(2, 0, 48, 2);
  for (const auto& x :
       {unaligned,
        strided,
        turned,
        turned[0],
        random({0, 5, 24}, 1),
        random({2, 1, 3, 24}, 3),
        random({1, 24}, 1).expand({4, 24})}) {
    EXPECT_TRUE(matches(linear(x, packed, bias), x, w, bias));
  }
}

TEST_P(EveryLinear, SplitsLargeBatches) {
  const auto w = sparse_weight({6, 10}, 0.5);
  const auto x = random({1025, 10}, 7);
  const auto bias = torch::zeros({6});
  EXPECT_TRUE(matches(linear(x, pack(w)), x, w, bias));
}

TEST_P(EveryLinear, ReluSetsNegativeResultsToZeroAndKeepsNan) {
  const auto packed = pack(sparse_weight({37, 30}, 0.5));
  const auto bias = random({37}, 5);
  auto x = random({9, 30}, 7);
  x[4].fill_(NAN);
  const auto plain = linear(x, packed, bias);
  EXPECT_TRUE(linear_relu(x, packed, bias)
                  .allclose(plain.relu(), 0, 0, /*equal_nan=*/true));
  EXPECT_TRUE(linear_relu(x, packed, bias)[4].isnan().any().item<bool>());
}

TEST_P(EveryLinear, DoesNotDependOnTheNumberOfThreads) {
  const int callers = torch::get_num_threads();
  const auto w = sparse_weight({521, 700}, 0.5);
  const auto packed = pack(w);
  for (const int64_t batch : {1, 33, 300}) {
    const auto x = random({batch, 700}, 7);
    torch::set_num_threads(1);
    const auto alone = linear(x, packed);
    for (const int threads : {2, 3}) {
      torch::set_num_threads(threads);
      EXPECT_TRUE(same_bits(linear(x, packed), alone)) << batch;
    }
  }
  torch::set_num_threads(callers);
}

TEST_P(EveryLinear, ServesSeveralCallersAtOnce) {
  const auto packed = pack(sparse_weight({60, 80}, 0.5));
  const auto x = random({20, 80}, 7);
  const auto wanted = linear(x, packed);
  constexpr int kCallers = 4;
  std::vector<std::thread> callers;
  callers.reserve(kCallers);
  std::atomic<int> right{0};
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      for (int j = 0; j < 10; ++j) {
        right += same_bits(linear(x, packed), wanted);
      }
    });
  }
  for (auto& caller : callers) {
    caller.join();
  }
  EXPECT_EQ(right, 40);
}

TEST_P(EveryLinear, LetsNanAndInfinityThroughWhereTheyAreWeighed) {
  auto w = sparse_weight({64, 128}, 0.5);
  w.select(1, 5) = 1;     // Every output uses this input,
  w.slice(1, 64, 80) = 0; // and none one of these.
  const auto packed = pack(w);
  const auto multiplies_zeros = GetParam() == PackedFormat::Dense ||
      GetParam() == PackedFormat::BitmaskRows ||
      GetParam() == PackedFormat::InputColumns ||
      GetParam() == PackedFormat::BitmaskColumns;
  for (const int64_t batch : {1, 20}) {
    auto x = random({batch, 128}, 7);
    const auto y = [&] { return linear(x, packed)[0]; };
    x[0][5] = INFINITY;
    EXPECT_TRUE(y().isinf().all().item<bool>());
    x[0][5] = NAN;
    EXPECT_TRUE(y().isnan().all().item<bool>());
    x[0][5] = 1;
    x[0][70] = NAN;
    EXPECT_EQ(y().isnan().sum().item<int64_t>(), multiplies_zeros ? 64 : 0);
  }
}

TEST_P(EveryLinear, FlushesDenormalsAndKeepsTheCallersSetting) {
  const auto packed = pack(torch::full({4, 4}, 1e-40F));
  EXPECT_EQ(
      linear(torch::full({2, 4}, 1e5F), packed).abs().max().item<float>(), 0);
  volatile float denormal = 1e-40F;
  EXPECT_NE(denormal * 0.5F, 0);
}

TEST_P(EveryLinear, FindsTheShapeOfMetaTensors) {
  const auto packed = pack(sparse_weight({6, 10}, 0.5));
  const auto x = torch::empty({3, 2, 10}, torch::kMeta);
  const auto y = linear(x, packed);
  EXPECT_EQ(y.sizes(), (torch::IntArrayRef{3, 2, 6}));
  EXPECT_TRUE(y.is_meta());
}

TEST_P(EveryLinear, SendsGradientsBackThroughTheDenseWeight) {
  const auto w = sparse_weight({6, 10}, 0.5);
  const auto packed = pack(w);
  const auto x = random({2, 3, 10}, 7);
  const auto bias = random({6}, 5);
  const auto grad = random({2, 3, 6}, 8);
  for (const bool relu : {false, true}) {
    const auto x1 = x.clone().requires_grad_();
    const auto b1 = bias.clone().requires_grad_();
    const auto y = relu ? linear_relu(x1, packed, b1) : linear(x1, packed, b1);
    y.backward(grad);
    const auto x2 = x.clone().requires_grad_();
    const auto b2 = bias.clone().requires_grad_();
    const auto dense = torch::linear(x2, w, b2);
    (relu ? dense.relu() : dense).backward(grad);
    EXPECT_TRUE(x1.grad().allclose(x2.grad(), 1e-5, 1e-6));
    EXPECT_TRUE(b1.grad().allclose(b2.grad(), 1e-5, 1e-6));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats,
    EveryLinear,
    ::testing::ValuesIn(packed_formats()),
    [](const auto& info) { return to_string(info.param); });

TEST(Linear, RecordsNoGraphWithoutGradients) {
  const auto packed =
      PackedWeight::pack(sparse_weight({6, 10}, 0.5), PackedFormat::Dense);
  const auto x = random({2, 10}).requires_grad_();
  EXPECT_TRUE(linear(x, packed).requires_grad());
  EXPECT_FALSE(linear(x.detach(), packed).requires_grad());
  const torch::NoGradGuard no_grad;
  EXPECT_FALSE(linear(x, packed).requires_grad());
}

TEST(Linear, NamesMismatchedOperands) {
  const auto packed =
      PackedWeight::pack(random({6, 10}), PackedFormat::BitmaskRows);
  EXPECT_THAT(
      message_of([&] {
        linear(torch::ones({2, 9}), packed);
      }),
      AllOf(HasSubstr("[2, 9]"), HasSubstr("[6, 10]")));
  EXPECT_THAT(
      message_of([&] { linear(torch::ones({}), packed); }),
      HasSubstr("must be 10"));
  EXPECT_THAT(
      message_of([&] {
        linear(torch::ones({2, 10}), packed, torch::ones({5}));
      }),
      AllOf(HasSubstr("[6]"), HasSubstr("[5]")));
  EXPECT_THAT(
      message_of<c10::TypeError>([&] {
        linear(torch::ones({2, 10}, torch::kDouble), packed);
      }),
      AllOf(HasSubstr("float32"), HasSubstr("Double")));
  EXPECT_THAT(
      message_of<c10::TypeError>([&] {
        linear(torch::ones({2, 10}), packed, torch::ones({6}, torch::kDouble));
      }),
      HasSubstr("bias"));
  const auto conv =
      PackedWeight::pack(random({6, 10, 1, 1}), PackedFormat::Dense);
  EXPECT_THAT(
      message_of([&] {
        linear(torch::ones({2, 10}), conv);
      }),
      HasSubstr("conv2d"));
}

} // namespace
} // namespace coppice::linear_test
