#include "cli/signals.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "cli/errors.h"
#include "io/output_file.h"
#include "support/temporary_folder.h"

namespace coppice::cli::signals_test {
namespace {

// The child only writes; whenever Ctrl-C comes, there is no file or a complete
// one.
TEST(Signals, LeavesNoPartOfAFileOnCtrlC) {
  const std::string bytes(16 << 20, 'x');
  for (int delay = 1; delay <= 50; delay += 7) {
    const TemporaryFolder folder;
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);                    // Limits the time of the test.
      std::signal(SIGINT, SIG_DFL); // A shell's `&` has tests ignore it.
      end_cleanly_on_signals();
      try {
        while (true) {
          write_file(folder.file("a"), bytes);
        }
      } catch (const Interrupted&) {
        _exit(kInterrupted);
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

TEST(Signals, SayWhatTheyAreTold) {
  EXPECT_EQ(interrupted_text(), "interrupted.");
  set_interrupted_text("interrupted; all is kept in here.");
  EXPECT_EQ(interrupted_text(), "interrupted; all is kept in here.");
  set_interrupted_text(std::string(100000, 'x'));
  EXPECT_EQ(interrupted_text().substr(0, 8000), std::string(8000, 'x'));
  set_interrupted_text("interrupted.");
  EXPECT_EQ(interrupted_text(), "interrupted.");
}

} // namespace
} // namespace coppice::cli::signals_test
