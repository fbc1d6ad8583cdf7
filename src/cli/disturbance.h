#pragma once

namespace coppice::cli {

/// Whether other programs took the processor from this one while it measured,
/// so that its times may be wrong.
class Disturbance {
 public:
  /// Counts from here on.
  Disturbance();

  /// More than a machine of one's own ever does it.
  bool is_found() const;

 private:
  double switches_ = 0;
  double seconds_ = 0;
};

/// What is to be said of it.
extern const char* const kDisturbed;

/// Says so on standard error.
void warn_if(bool is_disturbed);

} // namespace coppice::cli
