#pragma once

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <functional>

namespace coppice::testing {

/// From now on, makes the system report to this process that file systems have
/// no unnamed files (O_TMPFILE), like NFS. False on failure.
inline bool refuse_nameless_files() {
  constexpr auto kFlags = offsetof(struct seccomp_data, args[2]);
  constexpr auto kFlag = static_cast<unsigned>(O_TMPFILE & ~O_DIRECTORY);
  struct sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFlags),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kFlag, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program {
    sizeof(steps) / sizeof(steps[0]), steps
  };
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Runs `work` in a child process without unnamed files and returns its result;
/// -1 on failure.
inline int without_nameless_files(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    int result = 100;
    try {
      result = refuse_nameless_files() ? work() : 255;
    } catch (...) {
    }
    _exit(result);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const int result = WIFEXITED(status) ? WEXITSTATUS(status) : 101;
  return result == 255 ? -1 : result;
}

} // namespace coppice::testing
