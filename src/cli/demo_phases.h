#pragma once

#include <chrono>
#include <string>

#include "cli/demo_net.h"
#include "cli/image_set.h"

namespace coppice::cli {

/// The demo's lines of progress, at once and also into a pipe.
class DemoLog {
 public:
  /// `is_quiet`: says nothing, because standard output is for JSON.
  explicit DemoLog(bool is_quiet);

  void say(const std::string& line) const;

  /// A line a step, with the seconds since the start.
  void say_step(
      const std::string& step,
      double loss,
      double accuracy,
      double sparsity) const;

  double seconds() const;

 private:
  bool is_quiet_;
  std::chrono::steady_clock::time_point start_;
};

/// Trains all weights.
void train_dense(
    DemoNet& net,
    const ImageData& data,
    int64_t epochs,
    const DemoLog& log);

/// Trains on while the sparsity level of `demo_layers` rises to `kDemoLevel`.
void train_sparse(
    DemoNet& net,
    const ImageData& data,
    int64_t epochs,
    const DemoLog& log);

} // namespace coppice::cli
