#include "coppice/sparse/packed_weight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <sstream>

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

TEST_P(EveryFormat, KeepsNanPayloadsAndDenormals) {
  auto weight = torch::zeros({4, 4});
  const uint32_t bits[] = {0x7fc12345, 0xffc54321, 1, 0x80000001, 0x7f800000};
  std::memcpy(weight.data_ptr<float>() + 3, bits, sizeof bits);
  const auto packed = PackedWeight::pack(weight, GetParam());
  EXPECT_TRUE(same_bits(packed->to_dense(), weight));
}

TEST_P(EveryFormat, TakesNegativeZeroForAZero) {
  const auto packed =
      PackedWeight::pack(torch::full({16, 16}, -0.0F), GetParam());
  EXPECT_TRUE(packed->to_dense().eq(0).all().item<bool>());
  if (GetParam() != PackedFormat::Dense &&
      GetParam() != PackedFormat::InputColumns) {
    EXPECT_EQ(packed->stored(), 0);
    EXPECT_TRUE(same_bits(packed->to_dense(), torch::zeros({16, 16})));
  }
}

TEST_P(EveryFormat, TakesAnyStridesAndGradients) {
  const auto weight = sparse_weight({20, 12}, 0.5).t().requires_grad_();
  const auto packed = PackedWeight::pack(weight, GetParam());
  EXPECT_TRUE(same_bits(packed->to_dense(), weight.detach()));
}

TEST_P(EveryFormat, CopiesToMemoryOfItsOwn) {
  const auto weight = sparse_weight({20, 12}, 0.5);
  auto packed = PackedWeight::pack(weight, GetParam(), 5);
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
        PackedWeight::pack(torch::ones({2, 3}), GetParam(), 0);
      }),
      HasSubstr("batch"));
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

TEST(PackedWeight, SaysWhichFormatIsTooNarrow) {
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
}

} // namespace
} // namespace coppice::packed_weight_test
