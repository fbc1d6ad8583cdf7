#include "cli/stage_bars.h"

#include <fmt/format.h>

namespace coppice::cli {

void StageBars::show(const std::string& what, int64_t done, int64_t total) {
  if (!bar_ || what != what_) {
    bar_.reset();
    bar_ = std::make_unique<ProgressBar>(
        fmt::format("{} ({})", what, total), total);
    what_ = what;
  }
  bar_->update(done);
}

} // namespace coppice::cli
