#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace coppice::compiling {

/// How long a race may take, and what counts as won.
struct RaceOptions {
  int min_rounds = 7;
  double max_seconds = 1;
  /// A contender this many times slower than the fastest after `min_rounds`
  /// runs no more.
  double hopeless = 1.5;
  /// Run before every single run, untimed: puts weights out of the caches.
  std::function<void()> before_each;
};

struct RaceResult {
  /// Median microseconds of a run of each contender.
  std::vector<double> microseconds;
  /// The fastest; contender 0 unless another is faster beyond noise.
  size_t winner = 0;
};

/// Times contenders in turn, round by round, so that what disturbs the machine
/// disturbs all of them, until the winner is surer than the noise: in a paired
/// comparison with contender 0 and with the second, its advantage is of one
/// sign in nearly all rounds (sign test, 1%), or their medians are equal within
/// 1%, or time is up. Short runs are repeated within a round.
RaceResult race(
    const std::vector<std::function<void()>>& contenders,
    const RaceOptions& options = {});

} // namespace coppice::compiling
