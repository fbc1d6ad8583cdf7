#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace coppice::cli {

/// A bar on standard error while work goes on, with the time left. Shows
/// nothing unless standard error is a terminal, and leaves nothing behind.
class ProgressBar {
 public:
  ProgressBar(std::string label, int64_t total);
  ~ProgressBar();

  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// For the next time it is drawn.
  void label(std::string text) {
    label_ = std::move(text);
  }

  /// Draws at most ten times a second.
  void update(int64_t done);

 private:
  std::string label_;
  int64_t total_;
  bool is_shown_;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point next_draw_;
};

} // namespace coppice::cli
