#include "cli/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

#include "cli/errors.h"
#include "io/output_file.h"

namespace coppice::cli {
namespace {

std::atomic<int> signals{0};

/// Makes only calls that POSIX allows in a handler. On the first signal, a file
/// being written is removed first; a second signal ends the program at once.
extern "C" void end_on_signal(int) {
  if (signals++ == 0 && interrupt_output()) {
    return;
  }
  constexpr char kMessage[] = "coppice: interrupted.\n";
  [[maybe_unused]] const auto written =
      write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  _exit(kInterrupted);
}

} // namespace

void end_cleanly_on_signals() {
  struct sigaction action {};
  action.sa_handler = end_on_signal;
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction before {};
    sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) { // Ignored under a shell's `&`.
      sigaction(signal, &action, nullptr);
    }
  }
}

} // namespace coppice::cli
