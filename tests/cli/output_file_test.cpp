#include "cli/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "cli/errors.h"
#include "cli/temporary_folder.h"

namespace coppice::cli {
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
  EXPECT_THROW(write_file(folder.file("a"), "new"), WorkError);
  EXPECT_THAT(folder.names(), ElementsAre("a"));
  EXPECT_THROW(write_file(folder.file("no/a"), "new"), WorkError);
}

TEST(RequireWritable, LeavesNothing) {
  const TemporaryFolder folder;
  require_writable(folder.file("a"));
  EXPECT_THAT(folder.names(), IsEmpty());
}

// The child does nothing but write; whenever Ctrl-C comes, what is left is no
// file or a whole one.
TEST(WriteFile, LeavesNoPartOfAFileOnCtrlC) {
  const std::string bytes(16 << 20, 'x');
  for (int delay = 1; delay <= 50; delay += 7) {
    const TemporaryFolder folder;
    const pid_t child = fork();
    if (child == 0) {
      std::signal(SIGINT, SIG_DFL); // A shell's `&` has tests ignore it.
      end_cleanly_on_signals();
      while (true) {
        write_file(folder.file("a"), bytes);
      }
    }
    while (folder.names().empty()) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    kill(child, SIGINT);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 130);
    for (const auto& name : folder.names()) {
      EXPECT_EQ(name, "a");
      EXPECT_EQ(std::filesystem::file_size(folder.file(name)), bytes.size());
    }
  }
}

} // namespace
} // namespace coppice::cli
