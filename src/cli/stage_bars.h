#pragma once

#include <memory>
#include <string>

#include "cli/progress.h"

namespace coppice::cli {

/// Progress bars of stages that follow one another.
class StageBars {
 public:
  void show(const std::string& what, int64_t done, int64_t total);
  void clear() {
    bar_.reset();
  }

 private:
  std::string what_;
  std::unique_ptr<ProgressBar> bar_;
};

} // namespace coppice::cli
