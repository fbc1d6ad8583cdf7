#include "cli/signals.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>

#include "cli/errors.h"
#include "io/output_file.h"

namespace coppice::cli {
namespace {

std::atomic<int> signals{0};

constexpr std::string_view kBegin = "coppice: ";

/// The handler reads one of them while the other is written.
struct Texts {
  std::array<std::array<char, 8192>, 2> lines{"coppice: interrupted.\n"};
  std::atomic<int> current{0};
};
Texts texts;

/// Makes only calls that POSIX allows in a handler. On the first signal, a file
/// being written is removed first; a second signal ends the program at once.
extern "C" void end_on_signal(int) {
  if (signals++ == 0 && interrupt_output()) {
    return;
  }
  const char* const line = texts.lines[texts.current].data();
  [[maybe_unused]] const auto written =
      write(STDERR_FILENO, line, strlen(line));
  _exit(kInterrupted);
}

} // namespace

std::string interrupted_text() {
  const std::string line = texts.lines[texts.current].data();
  return line.substr(kBegin.size(), line.size() - kBegin.size() - 1);
}

void set_interrupted_text(const std::string& text) {
  const int other = 1 - texts.current;
  auto& line = texts.lines[other];
  const auto whole = std::string(kBegin) +
      text.substr(0, line.size() - kBegin.size() - 2) + "\n";
  std::copy(whole.c_str(), whole.c_str() + whole.size() + 1, line.begin());
  texts.current = other;
}

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
