#include "cli/disturbance.h"

#include <sys/resource.h>

#include <iostream>

namespace coppice::cli {
namespace {

/// The system takes the processor away a few times a second on a quiet machine,
/// and after every slice of some milliseconds where others wait for it.
constexpr double kMostSwitches = 50;

rusage usage() {
  rusage now{};
  getrusage(RUSAGE_SELF, &now);
  return now;
}

double seconds_of(const rusage& use) {
  return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
      1e-6 * static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

} // namespace

const char* const kDisturbed =
    "other programs ran on the same cores while this was measured, so that "
    "times may be wrong: measure again when the machine is quiet";

Disturbance::Disturbance() {
  const auto now = usage();
  switches_ = static_cast<double>(now.ru_nivcsw);
  seconds_ = seconds_of(now);
}

bool Disturbance::is_found() const {
  const auto now = usage();
  return static_cast<double>(now.ru_nivcsw) - switches_ >
      kMostSwitches * (seconds_of(now) - seconds_) + kMostSwitches;
}

void warn_if(bool is_disturbed) {
  if (is_disturbed) {
    std::cerr << "coppice: warning: " << kDisturbed << ".\n";
  }
}

} // namespace coppice::cli
