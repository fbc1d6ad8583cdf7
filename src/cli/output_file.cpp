#include "cli/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "cli/errors.h"

namespace coppice::cli {
namespace {

/// The file to remove on a signal; null when none is being written. A pointer,
/// because a handler may read nothing but lock-free atomics.
std::atomic<const char*> unfinished{nullptr};
static_assert(std::atomic<const char*>::is_always_lock_free);

/// Calls nothing but what POSIX allows in a handler.
extern "C" void end_on_signal(int) {
  if (const char* path = unfinished.load()) {
    unlink(path);
  }
  constexpr char kMessage[] = "coppice: interrupted.\n";
  [[maybe_unused]] const auto written =
      write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  _exit(kInterrupted);
}

/// A file that is gone when this is, unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& target)
      : target_(target), path_(fmt::format("{}.tmp-{}", target, getpid())) {
    unfinished = path_.c_str();
    descriptor_ =
        open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) {
      const int reason = errno;
      unfinished = nullptr;
      fail(reason);
    }
  }

  ~TemporaryFile() {
    close(descriptor_);
    unlink(path_.c_str()); // Does nothing once it was renamed.
    unfinished = nullptr;
  }

  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto written = write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) {
        fail(errno);
      }
      bytes.remove_prefix(written < 0 ? 0 : written);
    }
    if (fsync(descriptor_) != 0) {
      fail(errno);
    }
  }

  void rename_to_target() {
    if (std::rename(path_.c_str(), target_.c_str()) != 0) {
      fail(errno);
    }
  }

 private:
  [[noreturn]] void fail(int reason) const {
    throw WorkError(fmt::format(
        "{} cannot be written ({}): choose another output folder.",
        target_,
        std::strerror(reason)));
  }

  std::string target_;
  std::string path_;
  int descriptor_ = -1;
};

/// A rename is on the disk when its folder is. Some file systems refuse.
void flush_folder(const std::string& path) {
  const auto folder = std::filesystem::absolute(path).parent_path();
  const int descriptor =
      open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    fsync(descriptor);
    close(descriptor);
  }
}

} // namespace

void write_file(const std::string& path, std::string_view bytes) {
  TemporaryFile file(path);
  file.write_all(bytes);
  file.rename_to_target();
  flush_folder(path);
}

void require_writable(const std::string& path) {
  std::error_code error;
  const auto folder = std::filesystem::absolute(path).parent_path();
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw WorkError(fmt::format(
        "the folder {} cannot be made ({}): choose another output folder.",
        folder.string(),
        error.message()));
  }
  TemporaryFile probe(path);
}

void end_cleanly_on_signals() {
  struct sigaction action {};
  action.sa_handler = end_on_signal;
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction before {};
    sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) { // A shell's `&` ignores Ctrl-C.
      sigaction(signal, &action, nullptr);
    }
  }
}

} // namespace coppice::cli
