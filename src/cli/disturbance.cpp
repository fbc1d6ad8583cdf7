#include "cli/disturbance.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>

namespace coppice::cli {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
      1e-6 * static_cast<double>(time.tv_usec);
}

/// Time in which processors were busy or stolen by other virtual machines, from
/// the first line of /proc/stat: "cpu", then hundredths of a second of user,
/// nice, system, idle, iowait, irq, softirq and steal.
std::optional<double> busy_seconds() {
  std::ifstream file("/proc/stat");
  std::string name;
  double user, nice, system, idle, disk, interrupts, soft, stolen;
  file >> name >> user >> nice >> system >> idle >> disk >> interrupts >>
      soft >> stolen;
  const long ticks = sysconf(_SC_CLK_TCK);
  if (!file || name != "cpu" || ticks <= 0) {
    return {};
  }
  return (user + nice + system + interrupts + soft + stolen) /
      static_cast<double>(ticks);
}

} // namespace

ProcessorUse processor_use() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return {
      std::chrono::duration<double>(now).count(),
      seconds_of(use.ru_utime) + seconds_of(use.ru_stime),
      static_cast<double>(use.ru_nivcsw),
      busy_seconds()};
}

const char* const kDisturbed =
    "other programs ran on the same cores while this was measured, so that "
    "times may be wrong: measure again when the machine is quiet";

bool is_disturbed(const ProcessorUse& use) {
  // A quiet machine preempts a thread a few times a second; with waiting
  // threads, it does so after every time slice of some milliseconds.
  constexpr double kMostSwitches = 50;
  if (use.switches <= kMostSwitches * (use.own + 1)) {
    return false;
  }
  // Threads of LibTorch and the BLAS preempt one another if they outnumber the
  // processors.
  constexpr double kMostOfOthers = 0.1;
  return !use.all || *use.all - use.own > kMostOfOthers * use.elapsed;
}

Disturbance::Disturbance(std::function<ProcessorUse()> use)
    : use_(std::move(use)), begin_(use_()) {}

bool Disturbance::is_found() const {
  auto use = use_();
  use.elapsed -= begin_.elapsed;
  use.own -= begin_.own;
  use.switches -= begin_.switches;
  if (use.all && begin_.all) {
    use.all = *use.all - *begin_.all;
  } else {
    use.all.reset();
  }
  return is_disturbed(use);
}

void warn_if(bool is_disturbed) {
  if (is_disturbed) {
    std::cerr << "coppice: warning: " << kDisturbed << ".\n";
  }
}

} // namespace coppice::cli
