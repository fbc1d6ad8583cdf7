#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/temporary_folder.h"

namespace coppice::cli {

/// The result of a program.
struct Outcome {
  int exit_code = -1; ///< -1 if a signal ended it.
  std::string out;
  std::string err;
};

/// A program that runs concurrently with the test. Its output goes to files, so
/// it never blocks.
class Child {
 public:
  explicit Child(std::vector<std::string> arguments) {
    std::vector<char*> pointers;
    for (auto& argument : arguments) {
      pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    redirect(files, STDOUT_FILENO, out_path());
    redirect(files, STDERR_FILENO, err_path());
    posix_spawnattr_t attributes = listening_to_signals();
    const int error = posix_spawnp(
        &id_, pointers[0], &files, &attributes, pointers.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (error != 0) {
      throw std::runtime_error("cannot run " + arguments[0]);
    }
  }

  ~Child() {
    if (id_ > 0) {
      kill(id_, SIGKILL);
      waitpid(id_, nullptr, 0);
    }
  }

  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Waits until standard output holds `text`; false if it never does.
  bool wait_for(const std::string& text) const {
    constexpr int kTries = 6000;
    for (int i = 0; i < kTries; ++i) {
      if (read_file(out_path()).find(text) != std::string::npos) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  pid_t id() const {
    return id_;
  }

  void signal(int number) const {
    kill(id_, number);
  }

  Outcome wait() {
    int status = 0;
    waitpid(id_, &status, 0);
    id_ = 0;
    return {
        WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        read_file(out_path()),
        read_file(err_path())};
  }

 private:
  static void redirect(
      posix_spawn_file_actions_t& files,
      int descriptor,
      const std::string& path) {
    posix_spawn_file_actions_addopen(
        &files, descriptor, path.c_str(), O_WRONLY | O_CREAT, 0600);
  }

  /// Programs started by a shell's `&` ignore Ctrl-C, tests among them.
  static posix_spawnattr_t listening_to_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    return attributes;
  }

  std::string out_path() const {
    return folder_.file("out");
  }
  std::string err_path() const {
    return folder_.file("err");
  }

  TemporaryFolder folder_;
  pid_t id_ = 0;
};

/// Runs the built program with `arguments`.
inline Outcome run_coppice(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), COPPICE_PROGRAM);
  return Child(std::move(arguments)).wait();
}

/// Standard error without the warning about a slow BLAS.
inline std::string errors(const Outcome& outcome) {
  std::istringstream lines(outcome.err);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("coppice: warning:", 0) != 0) {
      kept += line + '\n';
    }
  }
  return kept;
}

/// Checks that the program ended with `exit_code` and one sentence that
/// contains `part`.
inline void expect_complaint(
    const Outcome& outcome,
    int exit_code,
    const std::string& part) {
  using ::testing::HasSubstr;
  using ::testing::Not;
  const std::string complaint = errors(outcome);
  EXPECT_EQ(outcome.exit_code, exit_code) << complaint;
  EXPECT_THAT(complaint, ::testing::StartsWith("coppice: "));
  EXPECT_THAT(complaint, HasSubstr(part));
  EXPECT_EQ(std::count(complaint.begin(), complaint.end(), '\n'), 1)
      << complaint;
  for (const char* inside :
       {"c10::", "std::", "Exception", "frame #", ".cpp"}) {
    EXPECT_THAT(complaint, Not(HasSubstr(inside)));
  }
}

} // namespace coppice::cli
