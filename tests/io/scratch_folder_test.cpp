#include "io/scratch_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coppice/archive/file_error.h"
#include "io/output_file.h"
#include "support/temporary_folder.h"

namespace coppice::scratch_folder_test {
namespace {

using io::ScratchFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ScratchFolder, LiesBesideTheOutput) {
  EXPECT_EQ(ScratchFolder::path_for("out.pt"), "./.out.pt.coppice-scratch");
  EXPECT_EQ(ScratchFolder::path_for("/a/b/o"), "/a/b/.o.coppice-scratch");
}

TEST(ScratchFolder, KeepsItsFilesUntilItIsCleared) {
  const TemporaryFolder beside;
  const auto path = beside.file("s");
  EXPECT_FALSE(ScratchFolder::is_there(path));
  {
    const ScratchFolder folder(path);
    write_file(folder.file("coppice-solved-1"), "a");
  }
  EXPECT_TRUE(ScratchFolder::holds(path, "coppice-solved-"));
  EXPECT_FALSE(ScratchFolder::holds(path, "coppice-run"));
  {
    ScratchFolder folder(path);
    EXPECT_EQ(read_file(folder.file("coppice-solved-1")), "a");
    folder.clear();
  }
  EXPECT_THAT(beside.names(), IsEmpty());
}

TEST(ScratchFolder, TouchesNothingThatIsNotItsOwn) {
  const TemporaryFolder beside;
  const auto path = beside.file("s");
  {
    ScratchFolder folder(path);
    write_file(folder.file("coppice-run"), "a");
    write_file(folder.file("notes.txt"), "mine");
    std::filesystem::create_directory(folder.file("coppice-folder"));
    folder.clear();
  }
  EXPECT_EQ(read_file(path + "/notes.txt"), "mine");
  EXPECT_TRUE(std::filesystem::exists(path + "/coppice-folder"));
  EXPECT_FALSE(std::filesystem::exists(path + "/coppice-run"));
}

TEST(ScratchFolder, IsOfOneRunAtATime) {
  const TemporaryFolder beside;
  const auto path = beside.file("s");
  const ScratchFolder folder(path);
  try {
    const ScratchFolder second(path);
    FAIL() << "two runs have one folder";
  } catch (const OutputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("another run works in"));
  }
}

TEST(ScratchFolder, IsNoLinkAndNoFile) {
  const TemporaryFolder beside;
  std::filesystem::create_directory(beside.file("elsewhere"));
  std::filesystem::create_symlink("elsewhere", beside.file("link"));
  beside.write("file", "");
  EXPECT_THROW(ScratchFolder(beside.file("link")), OutputError);
  EXPECT_THROW(ScratchFolder(beside.file("file")), OutputError);
  EXPECT_THROW(ScratchFolder(beside.file("none/s")), OutputError);
}

} // namespace
} // namespace coppice::scratch_folder_test
