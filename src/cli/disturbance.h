#pragma once

#include <functional>
#include <optional>

namespace coppice::cli {

/// Processor times in seconds, summed over processors: since the start, or
/// between two moments.
struct ProcessorUse {
  double elapsed = 0;
  double own = 0;      ///< This program's processor time.
  double switches = 0; ///< How often a thread of it was interrupted.
  /// Every program's processor time, where the system tells it.
  std::optional<double> all;
};

/// What the system counted until now.
ProcessorUse processor_use();

/// Whether other programs took the processor from this one, more than on an
/// idle machine.
bool is_disturbed(const ProcessorUse& use);

/// Whether other programs took the processor from this one while it measured,
/// so that its times may be wrong.
class Disturbance {
 public:
  /// Counts from here on, by what `use` says.
  explicit Disturbance(std::function<ProcessorUse()> use = processor_use);

  bool is_found() const;

 private:
  std::function<ProcessorUse()> use_;
  ProcessorUse begin_;
};

/// What is to be said of it.
extern const char* const kDisturbed;

/// Says so on standard error.
void warn_if(bool is_disturbed);

} // namespace coppice::cli
