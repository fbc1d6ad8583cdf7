#include "coppice/io/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace coppice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(WriteFile, WritesAllBytesAndNothingElse) {
  const TemporaryFolder folder;
  const std::string bytes(1 << 20, 'x');
  write_file(folder.file("a"), bytes);
  EXPECT_TRUE(read_file(folder.file("a")) == bytes);
  EXPECT_THAT(folder.names(), ElementsAre("a"));
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
} // namespace coppice
