#pragma once

#include <functional>
#include <optional>

namespace coppice::cli {

/// Processor times in seconds, summed over processors: since the start, or of
/// an interval.
struct ProcessorUse {
  double elapsed = 0;
  double own = 0;      ///< Of this program.
  double switches = 0; ///< Involuntary context switches of its threads.
  /// Of all programs, if the system provides it.
  std::optional<double> all;
};

/// The counts up to now.
ProcessorUse processor_use();

/// Whether other programs used the processors more than on an idle machine.
bool is_disturbed(const ProcessorUse& use);

/// Detects whether other programs used the processors during a measurement, so
/// that its times may be wrong.
class Disturbance {
 public:
  /// Starts counting, with the counts of `use`.
  explicit Disturbance(std::function<ProcessorUse()> use = processor_use);

  bool is_found() const;

 private:
  std::function<ProcessorUse()> use_;
  ProcessorUse begin_;
};

/// The text of the warning.
extern const char* const kDisturbed;

/// Prints the warning on standard error.
void warn_if(bool is_disturbed);

} // namespace coppice::cli
