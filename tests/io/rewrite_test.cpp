#include "io/rewrite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>

#include "support/temporary_folder.h"

namespace coppice::rewrite_test {
namespace {

/// Writes `bytes` over `range`, one at a time.
Change change(uint64_t begin, const std::string& bytes) {
  return {{begin, begin + bytes.size()}, [bytes](const ByteSink& sink) {
            for (const char byte : bytes) {
              sink(&byte, 1);
            }
          }};
}

class RewriteFile : public ::testing::Test {
 protected:
  std::string rewritten(
      const std::string& bytes,
      const std::vector<Change>& changes) {
    checkpoint_.files = {MappedFile::open(folder_.write("in", bytes))};
    OutputFile output(folder_.file("out"));
    rewrite_file(checkpoint_, 0, changes, output);
    output.commit();
    return read_file(folder_.file("out"));
  }

  TemporaryFolder folder_;
  Checkpoint checkpoint_;
};

TEST_F(RewriteFile, WithoutChangesIsACopy) {
  EXPECT_EQ(rewritten("abc", {}), "abc");
}

TEST_F(RewriteFile, ChangesNothingElse) {
  EXPECT_EQ(
      rewritten(
          "0123456789", {change(0, "ab"), change(5, "c"), change(9, "d")}),
      "ab234c678d");
}

TEST_F(RewriteFile, RenewsTheChecksumsOfChangedEntries) {
  // Two entries of four bytes, each followed by its checksum; only one changes.
  checkpoint_.checksums = {{0, {10, 14}, {14}}, {0, {0, 4}, {4, 20}}};
  const auto bytes = rewritten(
      std::string("aaaa####..bbbb####..$$$$", 24),
      {change(1, "x"), change(3, "y")});
  EXPECT_EQ(bytes.substr(0, 4), "axay");
  const auto crc = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>("axay"), 4));
  uint32_t written = 0;
  std::memcpy(&written, bytes.data() + 4, 4);
  EXPECT_EQ(written, crc);
  std::memcpy(&written, bytes.data() + 20, 4);
  EXPECT_EQ(written, crc);
  EXPECT_EQ(bytes.substr(8, 12), "..bbbb####..");
}

TEST_F(RewriteFile, RenewsTheChecksumsOfArchivesInTheArchive) {
  // An archive around one around two entries, whose checksum stands on both
  // sides; the one around it is not counted, and stays so.
  const auto crc_of = [](const std::string& bytes) {
    return static_cast<uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  };
  const auto text_of = [](uint32_t number) {
    return std::string(reinterpret_cast<const char*>(&number), 4);
  };
  const auto around = [&](const std::string& first, const std::string& second) {
    auto inner = text_of(crc_of(first)) + first + ".." + second +
        text_of(crc_of(first)) + text_of(crc_of(second));
    inner += text_of(crc_of(inner));
    return std::string("head") + inner + text_of(crc_of(inner)) +
        std::string(4, '\0');
  };
  checkpoint_.checksums = {
      {0, {4, 30}, {30}},
      {0, {8, 12}, {4, 18}},
      {0, {4, 26}, {26}},
      {0, {14, 18}, {22}},
      {0, {0, 34}, {34}}};
  EXPECT_EQ(
      rewritten(around("aaaa", "bbbb"), {change(9, "x"), change(17, "y")}),
      around("axaa", "bbby"));
  EXPECT_EQ(
      rewritten(around("aaaa", "bbbb"), {change(8, "x")}),
      around("xaaa", "bbbb"));
  EXPECT_EQ(rewritten(around("aaaa", "bbbb"), {}), around("aaaa", "bbbb"));
}

TEST_F(RewriteFile, RefusesAChangeOfAnotherSize) {
  auto longer = change(1, "xy");
  longer.range.end = 2;
  EXPECT_THROW(rewritten("abc", {longer}), std::logic_error);
  auto shorter = change(1, "x");
  shorter.range.end = 3;
  EXPECT_THROW(rewritten("abc", {shorter}), std::logic_error);
  EXPECT_THAT(folder_.names(), ::testing::ElementsAre("in"));
}

TEST(PlaceOf, SpansTheGapsOfAStridedTensor) {
  const TemporaryFolder folder;
  Checkpoint checkpoint;
  checkpoint.files = {
      MappedFile::open(folder.write("f", std::string(64, 'x')))};
  StoredTensor tensor;
  tensor.shape = {2, 3};
  tensor.strides = {1, 4};
  tensor.data = checkpoint.files[0]->data() + 8;
  const auto place = place_of(tensor, checkpoint);
  EXPECT_EQ(place.range.begin, 8);
  EXPECT_EQ(place.range.end, 8 + 4 * (1 + 1 * 1 + 2 * 4));
  EXPECT_TRUE(is_changeable(tensor, checkpoint));
  tensor.fixed_because = "quantized";
  EXPECT_FALSE(is_changeable(tensor, checkpoint));
}

} // namespace
} // namespace coppice::rewrite_test
