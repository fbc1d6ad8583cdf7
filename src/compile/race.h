#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace coppice::compiling {

/// The clocks of a race, in seconds from any origin.
struct RaceClock {
  std::function<double()> wall;
  /// CPU time of the calling thread.
  std::function<double()> thread;
};

/// The clocks of the machine.
RaceClock machine_clock();

/// How long a race may take.
struct RaceOptions {
  RaceClock clock = machine_clock();
  int min_rounds = 11;
  /// CPU time of the calling thread; wall time may be up to five times as long
  /// on a busy machine.
  double max_seconds = 1;
  /// Whether contenders that are significantly slower stop early. Contender 0
  /// always runs to the end.
  bool drops_losers = true;
  /// Called before every timed run, untimed, to bring the caches into the state
  /// of real use. Without it, each timed run follows an untimed one of the same
  /// contender.
  std::function<void()> before_each;
};

struct RaceResult {
  /// Median time of a run of each contender, microseconds.
  std::vector<double> microseconds;
  /// Median ratio to contender 0 in the same rounds. For contenders that
  /// stopped early: the ratio to the fastest, at least 1.02, times the
  /// fastest's ratio.
  std::vector<double> ratios;
  /// Whether each is significantly faster or slower than contender 0.
  std::vector<bool> wins, losses;
  /// The fastest; contender 0 unless another is significantly faster.
  size_t winner = 0;
};

/// Times contenders alternately, round by round, so that disturbances affect
/// all of them, until the result is significant or time is up. Significant is a
/// sign test over the rounds at 0.1%, or a difference of a fifth in each of six
/// rounds:
///   - a contender has lost if it is slower than the fastest by more than 2%;
///   - the fastest is found once it is slower than no other by more than 2%;
///   - it wins over contender 0 if it is faster by more than 1%.
/// Short runs are repeated within a round. Long single-threaded runs are
/// measured in CPU time, which excludes preemption.
RaceResult race(
    const std::vector<std::function<void()>>& contenders,
    const RaceOptions& options = {});

} // namespace coppice::compiling
