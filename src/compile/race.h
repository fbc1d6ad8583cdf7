#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace coppice::compiling {

/// What a race reads the time from, in seconds since any moment.
struct RaceClock {
  std::function<double()> wall;
  /// The time that the calling thread had a processor.
  std::function<double()> thread;
};

/// The machine's own clocks.
RaceClock machine_clock();

/// How long a race may take, and what counts as won.
struct RaceOptions {
  RaceClock clock = machine_clock();
  int min_rounds = 11;
  /// Of the calling thread: time in which others have the processor does not
  /// count, up to five times as much.
  double max_seconds = 1;
  /// Whether contenders that have surely lost run no more. Contender 0 always
  /// runs to the end.
  bool drops_losers = true;
  /// Run before every single run, untimed: puts into the caches what is there
  /// in real use. Without it each timed run follows another of its own.
  std::function<void()> before_each;
};

struct RaceResult {
  /// Median microseconds of a run of each contender.
  std::vector<double> microseconds;
  /// The same of their times over those of contender 0 in the same rounds; of
  /// one that lost early, over the fastest's, times the fastest's ratio, and
  /// never less than that.
  std::vector<double> ratios;
  /// Whether each is faster or slower than contender 0 beyond noise.
  std::vector<bool> wins, losses;
  /// The fastest; contender 0 unless another is faster beyond noise.
  size_t winner = 0;
};

/// Times contenders in turn, round by round, so that what disturbs the machine
/// disturbs all of them, until the winner is surer than the noise or time is
/// up. Sure is what a sign test over the rounds says at 0.1%, or a difference
/// of a fifth in each of six rounds:
///   - a contender has lost that is slower than the fastest by more than 2%;
///   - the fastest is found once it is slower than no other by more than 2%;
///   - it wins over contender 0 if it is faster by more than 1%.
/// Short runs are repeated within a round. Long ones of a single thread are
/// timed by the thread's clock, which stands while others have the processor.
RaceResult race(
    const std::vector<std::function<void()>>& contenders,
    const RaceOptions& options = {});

} // namespace coppice::compiling
