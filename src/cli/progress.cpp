#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace coppice::cli {

ProgressBar::ProgressBar(std::string label, int64_t total)
    : label_(std::move(label)),
      total_(total),
      is_shown_(isatty(STDERR_FILENO) != 0) {}

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
  const auto filled = static_cast<size_t>(kWidth * done / total_);
  const std::string bar = fmt::format(
      "\r{} [{:<30}] {:3}%",
      label_,
      std::string(filled, '#'),
      100 * done / total_);
  std::fputs(bar.c_str(), stderr);
}

} // namespace coppice::cli
