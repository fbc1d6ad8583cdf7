#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace coppice::cli {
namespace {

/// ", 1:05 left", once there is enough progress to estimate it.
std::string time_left(std::chrono::duration<double> since_begin, double share) {
  if (share <= 0 || since_begin.count() < 1) {
    return "";
  }
  const auto seconds =
      static_cast<int64_t>(since_begin.count() * (1 - share) / share + 0.5);
  return fmt::format(", {}:{:02} left", seconds / 60, seconds % 60);
}

} // namespace

ProgressBar::ProgressBar(std::string label, int64_t total)
    : label_(std::move(label)),
      total_(total),
      is_shown_(isatty(STDERR_FILENO) != 0),
      begin_(std::chrono::steady_clock::now()) {}

ProgressBar::~ProgressBar() {
  if (is_shown_) {
    std::fputs("\r\x1b[K", stderr);
  }
}

void ProgressBar::update(int64_t done) {
  const auto now = std::chrono::steady_clock::now();
  if (!is_shown_ || now < next_draw_) {
    return;
  }
  next_draw_ = now + std::chrono::milliseconds(100);
  constexpr int64_t kWidth = 30;
  const double share = static_cast<double>(done) / total_;
  const std::string bar = fmt::format(
      "\r{} [{:<{}}] {:3.0f}%{}\x1b[K",
      label_,
      std::string(static_cast<size_t>(kWidth * share), '#'),
      kWidth,
      100 * share,
      time_left(now - begin_, share));
  std::fputs(bar.c_str(), stderr);
}

} // namespace coppice::cli
