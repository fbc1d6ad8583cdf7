#include "coppice/sparse/packed_weight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <sstream>

#include "coppice/sparse/operators.h"
#include "support/errors.h"
#include "support/packed.h"

namespace coppice::packed_weight_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;
using testing::same_bits;
using testing::sparse_weight;

class EveryFormat : public ::testing::TestWithParam<PackedFormat> {};

TEST_P(EveryFormat, GivesTheWeightBackBitForBit) {
  const std::vector<std::vector<int64_t>> shapes = {
      {1, 1}, {1, 97}, {97, 1}, {0, 5}, {5, 0}, {67, 131}, {6, 5, 3, 3}};
  for (const auto& shape : shapes) {
    for (const double sparsity : {0.0, 0.5, 1.0}) {
      const auto weight = sparse_weight(shape, sparsity);
      const auto packed = PackedWeight::pack(weight, GetParam());
      EXPECT_TRUE(same_bits(packed->to_dense(), weight));
      EXPECT_EQ(packed->shape(), shape);
      EXPECT_EQ(packed->rows(), shape[0]);
      EXPECT_EQ(packed->format(), GetParam());
    }
  }
}

TEST_P(EveryFormat, StoresTheNearestBFloat16IfAsked) {
  const auto options = PackedWeightOptions(GetParam()).dtype(torch::kBFloat16);
  const std::vector<std::vector<int64_t>> shapes = {
      {1, 1}, {1, 97}, {97, 1}, {0, 5}, {67, 131}, {6, 5, 3, 3}};
  for (const auto& shape : shapes) {
    for (const double sparsity : {0.0, 0.5, 1.0}) {
      const auto weight = sparse_weight(shape, sparsity);
      const auto packed = PackedWeight::pack(weight, options);
      EXPECT_TRUE(same_bits(packed->to_dense(), testing::rounded(weight)));
      EXPECT_EQ(packed->dtype(), torch::kBFloat16);
    }
  }
  const auto weight = sparse_weight({64, 128}, 0.5);
  EXPECT_LT(
      PackedWeight::pack(weight, options)->nbytes(),
      0.7 * PackedWeight::pack(weight, GetParam())->nbytes());
}

TEST_P(EveryFormat, KeepsInfinityAndNanAsBFloat16) {
  auto weight = torch::zeros({4, 4});
  // Quiet and signalling NaN of both signs, infinity, values that round to
  // infinity and to zero.
  const uint32_t bits[] = {
      0x7fc12345, 0xff800001, 0x7f800000, 0xff7fffff, 0x00008000};
  const uint32_t wanted[] = {0x7fc10000, 0xffc00000, 0x7f800000, 0xff800000, 0};
  std::memcpy(weight.data_ptr<float>() + 3, bits, sizeof bits);
  const auto dense =
      PackedWeight::pack(
          weight, PackedWeightOptions(GetParam()).dtype(torch::kBFloat16))
          ->to_dense();
  EXPECT_EQ(std::memcmp(dense.data_ptr<float>() + 3, wanted, sizeof wanted), 0);
}

TEST_P(EveryFormat, IsPackedToEqualBytesByAnyNumberOfThreads) {
  const auto weight = sparse_weight({517, 401}, 0.6);
  const auto x = testing::random({3, 401}, 5);
  const auto packed_by = [&](int threads) {
    torch::set_num_threads(threads);
    return PackedWeight::pack(weight, GetParam());
  };
  const int before = torch::get_num_threads();
  const auto one = packed_by(1);
  const auto three = packed_by(3);
  torch::set_num_threads(before);
  EXPECT_TRUE(same_bits(three->to_dense(), weight));
  EXPECT_EQ(three->nbytes(), one->nbytes());
  EXPECT_TRUE(same_bits(linear(x, three), linear(x, one)));
}

TEST_P(EveryFormat, KeepsNanPayloadsAndDenormals) {
  auto weight = torch::zeros({4, 4});
  const uint32_t bits[] = {0x7fc12345, 0xffc54321, 1, 0x80000001, 0x7f800000};
  std::memcpy(weight.data_ptr<float>() + 3, bits, sizeof bits);
  const auto packed = PackedWeight::pack(weight, GetParam());
  EXPECT_TRUE(same_bits(packed->to_dense(), weight));
}

TEST_P(EveryFormat, TreatsNegativeZeroAsZero) {
  const auto packed =
      PackedWeight::pack(torch::full({16, 16}, -0.0F), GetParam());
  EXPECT_TRUE(packed->to_dense().eq(0).all().item<bool>());
  if (GetParam() != PackedFormat::Dense &&
      GetParam() != PackedFormat::InputColumns) {
    EXPECT_EQ(packed->stored(), 0);
    EXPECT_TRUE(same_bits(packed->to_dense(), torch::zeros({16, 16})));
  }
}

TEST_P(EveryFormat, PacksAnyStridesAndGradients) {
  const auto weight = sparse_weight({20, 12}, 0.5).t().requires_grad_();
  const auto packed = PackedWeight::pack(weight, GetParam());
  EXPECT_TRUE(same_bits(packed->to_dense(), weight.detach()));
}

TEST_P(EveryFormat, CopiesToMemoryOfItsOwn) {
  const auto weight = sparse_weight({20, 12}, 0.5);
  auto packed =
      PackedWeight::pack(weight, PackedWeightOptions(GetParam()).batch(5));
  const auto copy = packed->copy();
  EXPECT_EQ(copy->nbytes(), packed->nbytes());
  EXPECT_NE(&copy->product(), &packed->product());
  packed.reset();
  EXPECT_TRUE(same_bits(copy->to_dense(), weight));
  EXPECT_EQ(copy->batch(), 5);
}

TEST_P(EveryFormat, RefusesWhatItCannotPack) {
  const auto pack = [](const torch::Tensor& weight) {
    PackedWeight::pack(weight, GetParam());
  };
  EXPECT_THAT(message_of([&] { pack(torch::ones({3})); }), HasSubstr("[3]"));
  EXPECT_THAT(message_of([&] { pack({}); }), HasSubstr("no tensor"));
  EXPECT_THAT(
      message_of([&] {
        pack(torch::empty({2, 3}, torch::kMeta));
      }),
      HasSubstr("meta"));
  EXPECT_THAT(
      message_of([&] {
        pack(torch::ones({2, 3}).to_sparse());
      }),
      HasSubstr("Sparse"));
  EXPECT_THAT(
      message_of<c10::TypeError>([&] {
        pack(torch::ones({2, 3}, torch::kDouble));
      }),
      AllOf(HasSubstr("Double"), HasSubstr("torch::kFloat")));
  EXPECT_THAT(
      message_of([&] {
        PackedWeight::pack(
            torch::ones({2, 3}), PackedWeightOptions(GetParam()).batch(0));
      }),
      HasSubstr("batch"));
  EXPECT_THAT(
      message_of<c10::TypeError>([&] {
        PackedWeight::pack(
            torch::ones({2, 3}),
            PackedWeightOptions(GetParam()).dtype(torch::kHalf));
      }),
      AllOf(HasSubstr("float32 or bfloat16"), HasSubstr("Half")));
}

INSTANTIATE_TEST_SUITE_P(
    Formats,
    EveryFormat,
    ::testing::ValuesIn(packed_formats()),
    [](const auto& info) { return to_string(info.param); });

TEST(PackedWeight, IsSmallerThanDenseWhereMuchIsZero) {
  const auto weight = sparse_weight({256, 256}, 0.9, {16, 1});
  const auto bytes = [&](PackedFormat format) {
    return PackedWeight::pack(weight, format)->nbytes();
  };
  EXPECT_EQ(bytes(PackedFormat::Dense), 256 * 256 * 4);
  EXPECT_LT(bytes(PackedFormat::BitmaskRows), 40000);
  EXPECT_LT(bytes(PackedFormat::OutputBlocks16), 32000);
  EXPECT_LT(bytes(PackedFormat::PatternPanels), 40000);
}

TEST(PackedWeight, NamesTheFormatThatIsTooNarrow) {
  EXPECT_THAT(
      message_of([] {
        PackedWeight::pack(
            torch::zeros({1, 65537}), PackedFormat::CompressedRows);
      }),
      AllOf(HasSubstr("65537"), HasSubstr("compressed_rows")));
  EXPECT_THAT(
      message_of([] {
        PackedWeight::pack(
            torch::zeros({1, 4 * 65536 + 1}), PackedFormat::InputBlocks4);
      }),
      HasSubstr("input_blocks4"));
}

TEST(PackedWeight, PrintsWhatItIs) {
  auto weight = torch::zeros({256, 128});
  weight.slice(0, 0, 64) = 1;
  std::ostringstream text;
  text << *PackedWeight::pack(weight, PackedFormat::BitmaskRows);
  EXPECT_EQ(
      text.str(),
      "PackedWeight(256 x 128, bitmask_rows, 75.0% zeros, 38.1 KiB)");
  text.str("");
  text << *PackedWeight::pack(
      weight,
      PackedWeightOptions(PackedFormat::BitmaskRows).dtype(torch::kBFloat16));
  EXPECT_EQ(
      text.str(),
      "PackedWeight(256 x 128, bitmask_rows as bfloat16, 75.0% zeros, "
      "22.1 KiB)");
}

} // namespace
} // namespace coppice::packed_weight_test
