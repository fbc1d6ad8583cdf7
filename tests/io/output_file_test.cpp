#include "io/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/temporary_file.h"
#include "support/file_errors.h"
#include "support/killed_at_steps.h"
#include "support/temporary_folder.h"
#include "support/without_nameless_files.h"

namespace coppice::output_file_test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Killed;
using testing::killed_at_step;
using testing::sentence_of;
using ::testing::UnorderedElementsAre;

std::string refusal(const std::string& path) {
  return sentence_of<OutputError>([&] { write_file(path, "new"); });
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  stat(path.c_str(), &status);
  return status.st_mode & 07777;
}

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
  OutputFile file(folder.file("to"), uint64_t(64) << 20); // Large: uses blocks.
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

TEST(OutputFile, RemovesALargeFileThatIsNotCommitted) {
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
  EXPECT_THAT(folder.names(), ElementsAre("a"));
}

TEST(WriteFile, KeepsThePermissionsOfWhatItReplaces) {
  const TemporaryFolder folder;
  const mode_t mask = umask(027);
  write_file(folder.file("a"), "new");
  EXPECT_EQ(mode_of(folder.file("a")), 0640);
  for (const mode_t mode : {0600, 0666, 0755}) {
    chmod(folder.file("a").c_str(), mode);
    write_file(folder.file("a"), "newer");
    EXPECT_EQ(mode_of(folder.file("a")), mode);
  }
  umask(mask);
}

TEST(WriteFile, LeavesNothingIfItFails) {
  const TemporaryFolder folder;
  fs::create_directory(folder.file("a"));
  EXPECT_THAT(refusal(folder.file("a")), HasSubstr("is a folder"));
  EXPECT_THAT(refusal(folder.file("a/")), HasSubstr("/a/NAME"));
  EXPECT_THAT(refusal(folder.file("new/")), HasSubstr("is a folder"));
  EXPECT_THAT(refusal(""), HasSubstr("empty"));
  EXPECT_THAT(folder.names(), ElementsAre("a"));
  EXPECT_THROW(write_file(folder.file("no/a"), "new"), OutputError);
  EXPECT_THROW(write_file(folder.file("a/") + "x/y", "new"), OutputError);
  EXPECT_TRUE(fs::is_empty(folder.file("a")));
}

TEST(WriteFile, ReplacesALinkAndNotWhatItLeadsTo) {
  const TemporaryFolder folder;
  folder.write("other", "other");
  fs::create_symlink("other", folder.file("a"));
  fs::create_symlink("nowhere", folder.file("b"));
  fs::create_hard_link(folder.file("other"), folder.file("c"));
  for (const std::string name : {"a", "b", "c"}) {
    write_file(folder.file(name), "new");
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(folder.file(name))));
    EXPECT_EQ(read_file(folder.file(name)), "new");
    EXPECT_EQ(read_file(folder.file("other")), "other");
  }
  EXPECT_THAT(folder.names(), UnorderedElementsAre("a", "b", "c", "other"));
  fs::create_directory(folder.file("d"));
  fs::create_symlink("d", folder.file("e"));
  EXPECT_THAT(refusal(folder.file("e")), HasSubstr("is a folder"));
}

TEST(WriteFile, ReplacesNothingOfTheSystem) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo(folder.file("pipe").c_str(), 0600), 0);
  fs::create_symlink("/dev/null", folder.file("link"));
  for (const auto& path :
       {folder.file("pipe"),
        folder.file("link"),
        std::string("/dev/null"),
        std::string("/dev/stdout"),
        std::string("/dev/new"),
        std::string("/proc/self/fd/1")}) {
    EXPECT_THAT(refusal(path), HasSubstr("cannot be an output"));
  }
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(WriteFile, TakesTheLongestNames) {
  const TemporaryFolder folder;
  const std::string name(255, 'x');
  write_file(folder.file(name), "old");
  write_file(folder.file(name), "new");
  EXPECT_THAT(folder.names(), ElementsAre(name));
}

TEST(OutputFile, NeedsNoFilesWithoutAName) {
  const TemporaryFolder folder;
  folder.write("a", "old");
  const int result = testing::without_nameless_files([&] {
    {
      OutputFile given_up(folder.file("b"));
      given_up.write("new");
      if (folder.names().size() != 2) { // The temporary file is named.
        return 1;
      }
    }
    require_writable(folder.file("c"));
    if (folder.names().size() != 1) {
      return 2;
    }
    write_file(folder.file("a"), "new");
    return 0;
  });
  if (result < 0) {
    GTEST_SKIP() << "system calls cannot be filtered here";
  }
  EXPECT_EQ(result, 0);
  EXPECT_EQ(read_file(folder.file("a")), "new");
  EXPECT_THAT(folder.names(), ElementsAre("a"));
}

// Kills the child before and after each of its system calls. Between linkat,
// which cannot replace a file, and rename, the temporary name exists.
TEST(OutputFile, IsOldOrNewAndNothingElseWhereverItIsKilled) {
  const testing::TemporaryFoldersInMemory in_memory;
  for (const bool replaces : {false, true}) {
    const std::string bytes(3 << 20, 'x');
    int old = 0;
    int made = 0;
    int in_between = 0;
    for (int step = 1;; ++step) {
      const TemporaryFolder folder;
      if (!io::has_unnamed_files(folder.path())) {
        GTEST_SKIP() << "the file system knows no files without a name";
      }
      const auto path = folder.file("a");
      if (replaces) {
        folder.write("a", "old");
      }
      const auto killed = killed_at_step(step, [&] {
        OutputFile file(path);
        for (size_t i = 0; i < bytes.size(); i += 1 << 20) {
          file.write(std::string_view(bytes).substr(i, 1 << 20));
        }
        file.commit();
      });
      if (killed == Killed::CannotTrace) {
        GTEST_SKIP() << "processes cannot be traced here";
      }
      in_between += static_cast<int>(folder.names().size()) > 1;
      const auto left = fs::exists(path) ? read_file(path) : "";
      ASSERT_TRUE(left == (replaces ? "old" : "") || left == bytes)
          << "killed at step " << step;
      (left == bytes ? made : old) += 1;
      if (killed == Killed::EndedBefore) {
        EXPECT_EQ(left, bytes);
        break;
      }
    }
    EXPECT_GE(old, 10); // Writes among them.
    EXPECT_GE(made, 3);
    // After the link, before the rename begins.
    EXPECT_LE(in_between, replaces ? 2 : 0);
  }
}

TEST(RequireWritable, LeavesNothing) {
  const testing::TemporaryFoldersInMemory in_memory;
  const TemporaryFolder folder;
  require_writable(folder.file("a"));
  EXPECT_THAT(folder.names(), IsEmpty());
  require_writable(folder.file("new/a"));
  EXPECT_THAT(folder.names(), ElementsAre("new"));
  EXPECT_TRUE(fs::is_empty(folder.file("new")));
  for (int step = 1;; ++step) {
    const auto killed =
        killed_at_step(step, [&] { require_writable(folder.file("new/a")); });
    EXPECT_TRUE(fs::is_empty(folder.file("new")));
    if (killed != Killed::Yes) {
      break;
    }
  }
}

TEST(RequireWritable, RefusesWhatCannotBeWritten) {
  const TemporaryFolder folder;
  folder.write("file", "");
  for (const std::string name : {"", "file/a", "new/"}) {
    EXPECT_THROW(require_writable(folder.file(name)), OutputError) << name;
  }
  EXPECT_THAT(folder.names(), ElementsAre("file"));
}

} // namespace
} // namespace coppice::output_file_test
