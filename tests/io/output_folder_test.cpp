#include "io/output_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "io/temporary_file.h"
#include "support/file_errors.h"
#include "support/killed_at_steps.h"
#include "support/temporary_folder.h"
#include "support/without_nameless_files.h"

namespace coppice::output_folder_test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Killed;
using testing::killed_at_step;
using testing::sentence_of;
using ::testing::UnorderedElementsAre;

void write_folder(const std::string& path, const std::string& bytes) {
  OutputFolder folder(path, {"1", "2"});
  for (const std::string name : {"1", "2"}) {
    OutputFile file(folder, name);
    file.write(name + bytes);
    file.commit();
  }
  folder.commit();
}

std::string refusal(const std::string& path) {
  return sentence_of<OutputError>([&] { write_folder(path, "new"); });
}

TEST(OutputFolder, WritesAllFilesAndNothingElse) {
  const TemporaryFolder folder;
  for (const std::string path : {"a", "b/", "d/.", "new/e", "./f/."}) {
    write_folder(folder.file(path), "new");
    EXPECT_EQ(read_file(folder.file(path) + "/1"), "1new") << path;
    EXPECT_EQ(read_file(folder.file(path) + "/2"), "2new") << path;
  }
  EXPECT_THAT(folder.names(), UnorderedElementsAre("a", "b", "d", "new", "f"));
}

TEST(OutputFolder, ReplacesAFolderOfTheSameFiles) {
  const TemporaryFolder folder;
  fs::create_directory(folder.file("a"));
  write_folder(folder.file("a"), "old");
  fs::permissions(folder.file("a"), fs::perms(0750));
  write_folder(folder.file("a"), "new");
  EXPECT_EQ(read_file(folder.file("a/1")), "1new");
  EXPECT_EQ(fs::status(folder.file("a")).permissions(), fs::perms(0750));
  EXPECT_THAT(folder.names(), ElementsAre("a"));
}

TEST(OutputFolder, DropsNothingThatItDoesNotReplace) {
  const TemporaryFolder folder;
  const auto old = folder.file("a");
  const auto add_and_refuse = [&](const std::string& name) {
    EXPECT_THAT(refusal(old), HasSubstr("contains " + name));
    EXPECT_THAT(folder.names(), ElementsAre("a"));
    fs::remove_all(folder.file("a/" + name));
  };
  fs::create_directories(folder.file("a/1")); // A folder where a file goes.
  folder.write("a/1/deep", "x");
  add_and_refuse("1");
  folder.write("a/3", "x");
  add_and_refuse("3");
  fs::create_directory(folder.file("a/empty"));
  add_and_refuse("empty");
  folder.write("a/.hidden", "x");
  add_and_refuse(".hidden");
  write_folder(old, "new");
}

TEST(OutputFolder, DropsNothingThatCameMeanwhile) {
  const TemporaryFolder folder;
  write_folder(folder.file("a"), "old");
  EXPECT_THROW(OutputFolder(folder.file("a"), {"1"}), OutputError);
  {
    OutputFolder output(folder.file("a"), {"1", "2"});
    for (const std::string name : {"1", "2"}) {
      OutputFile(output, name).commit();
    }
    folder.write("a/3", "x");
    EXPECT_THROW(output.commit(), OutputError);
  }
  EXPECT_EQ(read_file(folder.file("a/1")), "1old");
  EXPECT_EQ(read_file(folder.file("a/3")), "x");
  EXPECT_THAT(folder.names(), ElementsAre("a"));
}

TEST(OutputFolder, FollowsALinkOnlyToAnEmptyFolder) {
  const TemporaryFolder folder;
  write_folder(folder.file("full"), "old");
  fs::create_directory(folder.file("empty"));
  fs::create_symlink("full", folder.file("a"));
  fs::create_symlink("empty", folder.file("b"));
  fs::create_symlink("nowhere", folder.file("c"));
  EXPECT_THAT(refusal(folder.file("a")), HasSubstr("is a link to a folder"));
  EXPECT_THAT(refusal(folder.file("a/")), HasSubstr("is a link to a folder"));
  EXPECT_THAT(refusal(folder.file("c")), HasSubstr("is a dangling link"));
  write_folder(folder.file("b"), "new");
  EXPECT_EQ(read_file(folder.file("full/1")), "1old");
  EXPECT_EQ(read_file(folder.file("empty/1")), "1new");
  EXPECT_TRUE(fs::is_symlink(folder.file("b")));
}

TEST(OutputFolder, ReplacesNoFileAndNotTheCurrentFolder) {
  const TemporaryFolder folder;
  folder.write("file", "x");
  EXPECT_THAT(refusal(folder.file("file")), HasSubstr("is not a folder"));
  EXPECT_THAT(refusal(folder.file("file/a")), HasSubstr("Not a directory"));
  const auto before = fs::current_path();
  fs::create_directory(folder.file("here"));
  fs::current_path(folder.file("here"));
  EXPECT_THAT(refusal("."), HasSubstr("is the current folder"));
  EXPECT_THAT(refusal("../here/"), HasSubstr("is the current folder"));
  EXPECT_THAT(refusal(".."), HasSubstr("contains"));
  EXPECT_THAT(refusal("/"), HasSubstr("contains"));
  write_folder("sub", "new");
  fs::current_path(before);
  EXPECT_EQ(read_file(folder.file("here/sub/1")), "1new");
  EXPECT_THAT(folder.names(), UnorderedElementsAre("file", "here"));
}

TEST(OutputFolder, RemovesEverythingIfNotCommitted) {
  const TemporaryFolder folder;
  {
    OutputFolder output(folder.file("a"), {"1", "2"});
    OutputFile one(output, "1");
    one.write("new");
    one.commit();
    OutputFile two(output, "2");
    two.write("new");
  }
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(OutputFolder, HoldsMoreFilesThanMayBeOpenAtFirst) {
  struct rlimit before {};
  getrlimit(RLIMIT_NOFILE, &before);
  struct rlimit limit = before;
  limit.rlim_cur = 64;
  setrlimit(RLIMIT_NOFILE, &limit);
  const TemporaryFolder folder;
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) {
    names.push_back(std::to_string(i));
  }
  OutputFolder output(folder.file("a"), names);
  for (const auto& name : names) {
    OutputFile file(output, name);
    file.write(name);
    file.commit();
  }
  output.commit();
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(read_file(folder.file("a/99")), "99");
}

TEST(OutputFolder, NeedsNoFilesWithoutAName) {
  const TemporaryFolder folder;
  const auto path = folder.file("a");
  const int result = testing::without_nameless_files([&] {
    write_folder(path, "old");
    write_folder(path, "new");
    {
      OutputFolder given_up(folder.file("b"), {"1"});
      OutputFile file(given_up, "1");
      file.commit();
    }
    return read_file(path + "/1") == "1new" && folder.names().size() == 1 ? 0
                                                                          : 1;
  });
  if (result < 0) {
    GTEST_SKIP() << "system calls cannot be filtered here";
  }
  EXPECT_EQ(result, 0);
  EXPECT_THAT(folder.names(), ElementsAre("a"));
}

// As for a file. The temporary name exists from the creation of the folder to
// its rename, and until the old one is removed.
TEST(OutputFolder, IsOldOrNewWhereverItIsKilled) {
  const testing::TemporaryFoldersInMemory in_memory;
  for (const bool replaces : {false, true}) {
    int old = 0;
    int made = 0;
    for (int step = 1;; ++step) {
      const TemporaryFolder folder;
      if (!io::has_unnamed_files(folder.path())) {
        GTEST_SKIP() << "the file system knows no files without a name";
      }
      const auto path = folder.file("a");
      if (replaces) {
        write_folder(path, "old");
      }
      const auto killed =
          killed_at_step(step, [&] { write_folder(path, "new"); });
      if (killed == Killed::CannotTrace) {
        GTEST_SKIP() << "processes cannot be traced here";
      }
      for (const auto& name : folder.names()) {
        EXPECT_TRUE(name == "a" || name.rfind("coppice-tmp-", 0) == 0) << name;
      }
      const bool is_new = fs::exists(path) && read_file(path + "/1") == "1new";
      if (is_new) {
        EXPECT_EQ(read_file(path + "/2"), "2new");
      } else if (replaces) {
        EXPECT_EQ(read_file(path + "/1"), "1old");
        EXPECT_EQ(read_file(path + "/2"), "2old");
      } else {
        EXPECT_FALSE(fs::exists(path));
      }
      (is_new ? made : old) += 1;
      if (killed == Killed::EndedBefore) {
        EXPECT_TRUE(is_new);
        EXPECT_THAT(folder.names(), ElementsAre("a"));
        break;
      }
    }
    EXPECT_GE(old, 10);
    EXPECT_GE(made, 3);
  }
}

} // namespace
} // namespace coppice::output_folder_test
