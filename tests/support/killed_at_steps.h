#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>

namespace coppice::testing {

/// Puts temporary folders into memory, where flushing is fast, during its
/// lifetime.
class TemporaryFoldersInMemory {
 public:
  TemporaryFoldersInMemory() {
    if (const char* const before = std::getenv("TMPDIR")) {
      before_ = before;
    }
    if (access("/dev/shm", W_OK) == 0) {
      setenv("TMPDIR", "/dev/shm", 1);
    }
  }
  ~TemporaryFoldersInMemory() {
    if (before_) {
      setenv("TMPDIR", before_->c_str(), 1);
    } else {
      unsetenv("TMPDIR");
    }
  }
  TemporaryFoldersInMemory(const TemporaryFoldersInMemory&) = delete;
  TemporaryFoldersInMemory& operator=(const TemporaryFoldersInMemory&) = delete;

 private:
  std::optional<std::string> before_;
};

/// How a killed child process ended.
enum class Killed { Yes, EndedBefore, CannotTrace };

/// Whether a stopped process is about to create an unnamed file.
inline bool makes_nameless_file(pid_t process) {
  struct __ptrace_syscall_info call {};
  ptrace(PTRACE_GET_SYSCALL_INFO, process, sizeof(call), &call);
  constexpr uint64_t kNameless = O_TMPFILE & ~O_DIRECTORY;
  return call.op == PTRACE_SYSCALL_INFO_ENTRY && call.entry.nr == __NR_openat &&
      (call.entry.args[2] & kNameless) != 0;
}

/// Runs `work` in a child process and sends it `signal` when `is_time` is true:
/// asked at each stop, before and after each system call, independent of time.
/// `wait_status`, if not null: how the child ended, as of `waitpid`.
inline Killed killed_when(
    const std::function<bool(pid_t child)>& is_time,
    const std::function<void()>& work,
    int signal = SIGKILL,
    int* wait_status = nullptr) {
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) {
      _exit(1);
    }
    raise(SIGSTOP);
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFSTOPPED(status)) {
    return Killed::CannotTrace;
  }
  // Distinguishes stops at system calls from those at signals.
  ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD);
  do {
    ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    waitpid(child, &status, 0);
    if (!WIFSTOPPED(status)) {
      return Killed::EndedBefore;
    }
  } while (!is_time(child));
  if (signal == SIGKILL) {
    kill(child, SIGKILL); // Ends it where it stands; others are delivered.
  } else {
    ptrace(PTRACE_DETACH, child, nullptr, signal);
  }
  waitpid(child, &status, 0);
  if (wait_status != nullptr) {
    *wait_status = status;
  }
  return Killed::Yes;
}

/// The same at stop number `step`, from 1. For a `whole_program`, stops count
/// from the creation of its first unnamed file.
inline Killed killed_at_step(
    int step,
    const std::function<void()>& work,
    bool whole_program = false) {
  bool is_counting = !whole_program;
  int stop = 0;
  const auto is_time = [&](pid_t child) {
    is_counting = is_counting || makes_nameless_file(child);
    stop += static_cast<int>(is_counting);
    return stop >= step;
  };
  return killed_when(is_time, work);
}

} // namespace coppice::testing
