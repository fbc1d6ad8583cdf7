#include "io/temporary_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/temporary_folder.h"

namespace coppice::temporary_file_test {
namespace {

using io::TemporaryFile;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TemporaryFile, HasNoNameUntilItIsGivenOne) {
  const TemporaryFolder folder;
  if (!io::has_unnamed_files(folder.path())) {
    GTEST_SKIP() << "the file system knows no files without a name";
  }
  {
    TemporaryFile given_up;
    ASSERT_EQ(given_up.open(folder.path()), 0);
    EXPECT_THAT(folder.names(), IsEmpty());
  }
  EXPECT_THAT(folder.names(), IsEmpty());
  TemporaryFile file;
  ASSERT_EQ(file.open(folder.path()), 0);
  ASSERT_EQ(write(file.descriptor(), "new", 3), 3);
  EXPECT_EQ(file.move_to(folder.file("a")), 0);
  EXPECT_EQ(read_file(folder.file("a")), "new");
}

TEST(TemporaryFile, ReplacesAnotherFile) {
  const TemporaryFolder folder;
  folder.write("a", "old");
  TemporaryFile file;
  ASSERT_EQ(file.open(folder.path()), 0);
  ASSERT_EQ(write(file.descriptor(), "new", 3), 3);
  EXPECT_EQ(file.move_to(folder.file("a")), 0);
  EXPECT_EQ(read_file(folder.file("a")), "new");
  EXPECT_THAT(folder.names(), ElementsAre("a"));
}

TEST(TemporaryFile, KeepsFilesOfOthersWithItsNames) {
  const TemporaryFolder folder;
  const auto own = "coppice-tmp-" + std::to_string(getpid()) + "-";
  for (int i = 0; i < 100; ++i) { // More than earlier tests made.
    folder.write(own + std::to_string(i), "a user's");
  }
  folder.write("a", "old");
  TemporaryFile file;
  ASSERT_EQ(file.open(folder.path()), 0);
  EXPECT_EQ(file.move_to(folder.file("a")), 0);
  std::string made;
  EXPECT_EQ(io::make_temporary_folder(folder.path(), made), 0);
  EXPECT_TRUE(std::filesystem::remove(made));
  EXPECT_EQ(folder.names().size(), 101);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(read_file(folder.file(own + std::to_string(i))), "a user's");
  }
}

TEST(TemporaryFile, SaysWhatFailed) {
  const TemporaryFolder folder;
  TemporaryFile nowhere;
  EXPECT_EQ(nowhere.open(folder.file("no")), ENOENT);
  TemporaryFile file;
  ASSERT_EQ(file.open(folder.path()), 0);
  std::filesystem::create_directory(folder.file("b"));
  EXPECT_EQ(file.move_to(folder.file("b")), EISDIR);
  EXPECT_EQ(file.move_to(folder.file("no/c")), ENOENT);
  EXPECT_THAT(folder.names(), ElementsAre("b"));
}

} // namespace
} // namespace coppice::temporary_file_test
