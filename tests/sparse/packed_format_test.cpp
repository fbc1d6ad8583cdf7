#include "coppice/sparse/packed_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/errors.h"
#include "support/packed.h"

namespace coppice::packed_format_test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using ::testing::Not;
using testing::sparse_weight;

TEST(PackedFormat, NamesGoRoundTrip) {
  EXPECT_EQ(packed_formats().front(), PackedFormat::Dense);
  for (const auto format : packed_formats()) {
    EXPECT_EQ(parse_packed_format(to_string(format)), format);
  }
  EXPECT_EQ(to_string(PackedFormat::OutputBlocks16), "output_blocks16");
}

TEST(PackedFormat, SuggestsTheNearestName) {
  EXPECT_THAT(
      message_of([] { parse_packed_format("patern_panels"); }),
      AllOf(HasSubstr("`patern_panels`"), HasSubstr("`pattern_panels`")));
}

TEST(PackedFormat, NumberWithoutARowIsRefused) {
  const auto beyond = static_cast<PackedFormat>(packed_formats().size());
  EXPECT_THAT(
      message_of([&] { to_string(beyond); }),
      HasSubstr("no packed format has number"));
}

TEST(PackedFormat, EveryBatchIsServedBySparseFormats) {
  for (const int64_t batch : {1, 2, 8, 9, 512}) {
    EXPECT_TRUE(serves_batch(PackedFormat::OutputBlocks8, batch));
    EXPECT_EQ(serves_batch(PackedFormat::PatternPanels, batch), batch > 1);
    EXPECT_EQ(serves_batch(PackedFormat::SortedRows, batch), batch > 1);
    EXPECT_EQ(serves_batch(PackedFormat::BitmaskRows, batch), batch == 1);
  }
}

TEST(ApplicableFormats, FollowWhereTheZerosAre) {
  EXPECT_THAT(
      applicable_formats(testing::random({32, 32})),
      ElementsAre(PackedFormat::Dense));
  EXPECT_THAT(
      applicable_formats(sparse_weight({64, 64}, 0.5)),
      ElementsAre(
          PackedFormat::Dense,
          PackedFormat::BitmaskRows,
          PackedFormat::CompressedRows,
          PackedFormat::PatternPanels,
          PackedFormat::SortedRows));
  EXPECT_THAT(
      applicable_formats(sparse_weight({64, 64}, 0.5, {8, 1})),
      AllOf(
          Contains(PackedFormat::OutputBlocks8),
          Contains(PackedFormat::OutputBlocks4),
          Not(Contains(PackedFormat::InputBlocks4))));
  EXPECT_THAT(
      applicable_formats(sparse_weight({64, 2, 4, 4}, 0.5, {1, 16})),
      Contains(PackedFormat::InputBlocks16));
}

TEST(ApplicableFormats, OfColumnsAreForSparseInputs) {
  EXPECT_THAT(
      applicable_formats(testing::random({32, 32}), true),
      ElementsAre(PackedFormat::Dense, PackedFormat::InputColumns));
  EXPECT_THAT(
      applicable_formats(sparse_weight({32, 32}, 0.5), true),
      Contains(PackedFormat::BitmaskColumns));
}

TEST(ApplicableFormats, HoldTheWeight) {
  EXPECT_THAT(
      applicable_formats(torch::zeros({4, 70000})),
      AllOf(
          Contains(PackedFormat::PatternPanels),
          Contains(PackedFormat::InputBlocks4),
          Not(Contains(PackedFormat::CompressedRows)),
          Not(Contains(PackedFormat::OutputBlocks4))));
  EXPECT_THAT(
      applicable_formats(torch::zeros({0, 3})),
      ElementsAre(PackedFormat::Dense));
}

} // namespace
} // namespace coppice::packed_format_test
