#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace coppice::cli {

/// A progress bar on standard error with the time left. Silent unless standard
/// error is a terminal; erases itself.
class ProgressBar {
 public:
  ProgressBar(std::string label, int64_t total);
  ~ProgressBar();

  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Takes effect when the bar is next drawn.
  void label(std::string text) {
    label_ = std::move(text);
  }

  /// Redraws at most ten times a second.
  void update(int64_t done);

 private:
  std::string label_;
  int64_t total_;
  bool is_shown_;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point next_draw_;
};

} // namespace coppice::cli
