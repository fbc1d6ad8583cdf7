// AVX-512 with the extensions of Ice Lake, which Highway omits by default.
#define HWY_WANT_AVX3_DL

#include "kernels/instruction_set.h"

#include <cstdio>
#include <cstdlib>

#include "hwy/highway.h"

namespace coppice::kernels {
namespace {

/// A bit a target; lower ones are better.
int64_t present_targets() {
  return hwy::SupportedTargets() & (HWY_TARGETS);
}

int64_t best_of(int64_t targets) {
  return targets & -targets;
}

constexpr int64_t kPlainLoops = HWY_EMU128 | HWY_SCALAR;

bool limit_to(const std::string& name) {
  for (int64_t left = present_targets(); left != 0; left &= left - 1) {
    const int64_t target = best_of(left);
    if (name == hwy::TargetName(target)) {
      hwy::DisableTargets(target - 1);
      return true;
    }
  }
  return false;
}

/// Runs at load time: a kernel remembers its target from its first call on.
bool limit_by_environment() {
  const char* name = std::getenv("COPPICE_INSTRUCTION_SET");
  if (name == nullptr || *name == '\0' || limit_to(name)) {
    return true;
  }
  std::string known;
  for (const auto& each : instruction_sets()) {
    known += (known.empty() ? "" : ", ") + each;
  }
  std::fprintf(
      stderr,
      "coppice: warning: COPPICE_INSTRUCTION_SET is %s, which this processor "
      "does not have; it has %s.\n",
      name,
      known.c_str());
  return false;
}

const bool was_limited = limit_by_environment();

} // namespace

std::string instruction_set() {
  static_cast<void>(was_limited);
  return hwy::TargetName(best_of(present_targets()));
}

bool has_fast_path() {
  return (best_of(present_targets()) & kPlainLoops) == 0;
}

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (int64_t left = present_targets(); left != 0; left &= left - 1) {
    names.emplace_back(hwy::TargetName(best_of(left)));
  }
  return names;
}

} // namespace coppice::kernels
