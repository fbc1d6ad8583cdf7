#include "cli/idx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "cli/errors.h"
#include "cli/idx_files.h"

namespace coppice::cli::idx_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// What `read_idx` says about a file of these bytes.
std::string complaint(const std::string& bytes, size_t dimensions = 3) {
  const TemporaryFolder folder;
  try {
    read_idx(folder.write("bad-idx", bytes), dimensions);
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr(folder.file("bad-idx")));
    return error.what();
  }
  return "nothing is wrong";
}

TEST(ReadIdx, ReadsSizesAndBytes) {
  const TemporaryFolder folder;
  const Idx idx =
      read_idx(folder.write("a", idx_bytes({2, 1, 3}, "abcdef")), 3);
  EXPECT_THAT(idx.sizes, ElementsAre(2, 1, 3));
  EXPECT_THAT(idx.bytes, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
}

TEST(ReadIdx, ReadsGzip) {
  const TemporaryFolder folder;
  const Idx idx =
      read_idx(folder.write("a.gz", gzipped(idx_bytes({3}, "abc"))), 1);
  EXPECT_THAT(idx.bytes, ElementsAre('a', 'b', 'c'));
}

TEST(ReadIdx, RefusesAnEmptyFile) {
  EXPECT_THAT(complaint(""), HasSubstr("is empty"));
}

TEST(ReadIdx, RefusesAnotherFormat) {
  EXPECT_THAT(complaint("\x89PNG and more"), HasSubstr("is not an IDX file"));
  EXPECT_THAT(complaint(std::string(3, '\0')), HasSubstr("not an IDX file"));
}

TEST(ReadIdx, RefusesElementsOfAnotherType) {
  auto floats = idx_bytes({1, 1, 1}, "abcd");
  floats[2] = 0x0d;
  EXPECT_THAT(complaint(floats), HasSubstr("type 0x0d"));
}

TEST(ReadIdx, RefusesAnotherNumberOfDimensions) {
  EXPECT_THAT(complaint(idx_bytes({2}, "ab")), HasSubstr("has 1 dimensions"));
  EXPECT_THAT(
      complaint(idx_bytes({1, 1, 1}, "a"), 1), HasSubstr("has 3 dimensions"));
}

TEST(ReadIdx, RefusesAHeaderThatIsCutShort) {
  const auto whole = idx_bytes({2, 1, 3}, "");
  for (size_t length = 4; length < whole.size(); ++length) {
    EXPECT_THAT(
        complaint(whole.substr(0, length)),
        HasSubstr("ends inside its header"));
  }
}

TEST(ReadIdx, RefusesSizeZero) {
  EXPECT_THAT(
      complaint(idx_bytes({0, 28, 28}, "")),
      AllOf(HasSubstr("holds nothing"), HasSubstr("0x28x28")));
}

TEST(ReadIdx, RefusesFewerBytesThanTheHeaderSays) {
  EXPECT_THAT(
      complaint(idx_bytes({2, 2, 2}, "1234567")),
      AllOf(HasSubstr("2x2x2 = 8 bytes"), HasSubstr("7 follow")));
}

TEST(ReadIdx, RefusesMoreBytesThanTheHeaderSays) {
  EXPECT_THAT(
      complaint(idx_bytes({2, 2, 2}, "123456789")),
      HasSubstr("goes on after the 8 bytes"));
}

TEST(ReadIdx, RefusesSizesWhoseProductOverflows) {
  EXPECT_THAT(
      complaint(idx_bytes({0xffffffff, 0xffffffff, 0xffffffff}, "")),
      HasSubstr("more than the 1 GiB"));
}

// A header of 16 bytes must not be able to claim a gigabyte.
TEST(ReadIdx, TakesMemoryForWhatIsThereNotForWhatIsSaid) {
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  EXPECT_THAT(
      complaint(idx_bytes({1, 1 << 15, 1 << 15}, "abc")),
      HasSubstr("but 3 follow"));
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 64 * 1024) << "kilobytes";
}

TEST(ReadIdx, RefusesGzipThatIsCutShort) {
  std::string noise;
  for (uint32_t i = 0, x = 1; i < 10000; ++i) {
    x = x * 1664525 + 1013904223;
    noise += static_cast<char>(x >> 24);
  }
  const auto whole = gzipped(idx_bytes({10000}, noise));
  EXPECT_THAT(
      complaint(whole.substr(0, whole.size() / 2), 1), HasSubstr("cut short"));
  EXPECT_THAT(
      complaint(whole.substr(0, whole.size() - 1), 1), HasSubstr("cut short"));
}

TEST(ReadIdx, RefusesGzipWhoseBytesWereChanged) {
  auto bytes = gzipped(idx_bytes({6}, "abcdef"));
  bytes[bytes.size() - 6] ^= 1; // Its checksum.
  EXPECT_THAT(complaint(bytes, 1), HasSubstr("gzip stream is damaged"));
}

TEST(ReadIdx, RefusesWhatIsNoFile) {
  const TemporaryFolder folder;
  EXPECT_THROW(read_idx(folder.path(), 3), InputError);
  EXPECT_THROW(read_idx(folder.file("missing"), 3), InputError);
  ASSERT_EQ(mkfifo(folder.file("pipe").c_str(), 0600), 0);
  EXPECT_THROW(read_idx(folder.file("pipe"), 3), InputError);
}

} // namespace
} // namespace coppice::cli::idx_test
