#include "coppice/io/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace coppice::output_file_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(WriteFile, WritesAllBytesAndNothingElse) {
  const TemporaryFolder folder;
  const std::string bytes(1 << 20, 'x');
  write_file(folder.file("a"), bytes);
  EXPECT_TRUE(read_file(folder.file("a")) == bytes);
  EXPECT_THAT(folder.names(), ElementsAre("a"));
}

TEST(OutputFile, WritesLargeFilesInBlocks) {
  const TemporaryFolder folder;
  std::string bytes((uint64_t(20) << 20) + 12345, 'x');
  for (size_t i = 0; i < bytes.size(); i += 1000) {
    bytes[i] = static_cast<char>(i / 1000);
  }
  const auto from = MappedFile::open(folder.write("from", bytes));
  OutputFile file(folder.file("to"), uint64_t(64) << 20); // Asks for blocks.
  file.write(std::string_view(bytes).substr(0, 5));
  file.copy(*from, {5, 9 << 20});
  file.write(std::string_view(bytes).substr(9 << 20));
  EXPECT_EQ(file.size(), bytes.size());
  file.overwrite(8 << 20, "over");
  file.write("the end");
  file.commit();
  bytes.replace(8 << 20, 4, "over");
  EXPECT_TRUE(read_file(folder.file("to")) == bytes + "the end");
}

TEST(OutputFile, LeavesNothingOfALargeFileThatIsGivenUp) {
  const TemporaryFolder folder;
  const std::string bytes(uint64_t(17) << 20, 'x');
  {
    OutputFile file(folder.file("to"), uint64_t(64) << 20);
    file.write(bytes);
  }
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(WriteFile, ReplacesAFile) {
  const TemporaryFolder folder;
  folder.write("a", "old");
  write_file(folder.file("a"), "new");
  EXPECT_EQ(read_file(folder.file("a")), "new");
}

TEST(WriteFile, LeavesNothingIfItFails) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("a"));
  EXPECT_THROW(write_file(folder.file("a"), "new"), OutputError);
  EXPECT_THAT(folder.names(), ElementsAre("a"));
  EXPECT_THROW(write_file(folder.file("no/a"), "new"), OutputError);
}

TEST(RequireWritable, LeavesNothing) {
  const TemporaryFolder folder;
  require_writable(folder.file("a"));
  EXPECT_THAT(folder.names(), IsEmpty());
}

} // namespace
} // namespace coppice::output_file_test
