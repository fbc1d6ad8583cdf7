#include "compile/race.h"

#include <ATen/Parallel.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace coppice::compiling {
namespace {

double wall_seconds() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
      1e-9 * static_cast<double>(now.tv_nsec);
}

/// Reading the clock of a thread takes longer than that of the wall; longer
/// runs than this do not notice.
constexpr double kLong = 200e-6;

/// On a busy machine a race takes longer, but not more than so many times.
constexpr double kMostPatience = 5;

/// A timed run is at least this long, or the clock is what is measured.
constexpr double kShortest = 20e-6;
constexpr int kMostRepeats = 1000;

/// Rounds from which on a difference of a fifth in each of them is sure.
constexpr int kFewRounds = 6;
constexpr double kLarge = 0.8;

/// Differences that count: of contenders that may pass for equal, and of one
/// that shall displace contender 0.
constexpr double kEqual = 1.02;
constexpr double kBetter = 0.99;

double median(std::vector<double> values) {
  const auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Lane {
  const std::function<void()>* run = nullptr;
  int repeats = 1;
  bool is_out = false;
  std::vector<double> seconds; ///< Of a run, a value a round.
};

class Race {
 public:
  Race(
      const std::vector<std::function<void()>>& contenders,
      const RaceOptions& options)
      : options_(options) {
    for (const auto& run : contenders) {
      lanes_.push_back({&run, 1, false, {}});
    }
  }

  RaceResult result() {
    for (auto& lane : lanes_) {
      warm_up(lane);
    }
    const double wall = options_.clock.wall();
    const double worked = options_.clock.thread();
    int next_check = kFewRounds;
    for (int rounds = 1;; ++rounds) {
      run_round(rounds);
      const bool is_late =
          options_.clock.thread() - worked > options_.max_seconds ||
          options_.clock.wall() - wall > kMostPatience * options_.max_seconds;
      // Seldom, because each look is a chance to be deceived.
      if (rounds < next_check && !(is_late && rounds >= kFewRounds)) {
        continue;
      }
      next_check = rounds + 1 + rounds / 4;
      const size_t first = fastest();
      if (is_late || (rounds >= options_.min_rounds && is_settled(first))) {
        return make_result(first);
      }
      if (options_.drops_losers) {
        drop_losers(first);
      }
    }
  }

 private:
  /// Also finds how often a short run is repeated. With something to do before
  /// each run it is not: the second would find the weights in the cache.
  void warm_up(Lane& lane) {
    (*lane.run)();
    const double begin = options_.clock.wall();
    (*lane.run)();
    const double once = std::max(options_.clock.wall() - begin, 1e-9);
    // Not what others do with the processor meanwhile, if that can be told.
    if (&lane == &lanes_[0]) {
      uses_thread_clock_ = once > kLong && at::get_num_threads() == 1;
    }
    if (!options_.before_each) {
      lane.repeats = static_cast<int>(
          std::clamp(std::ceil(kShortest / once), 1.0, double(kMostRepeats)));
    }
  }

  double now() const {
    return uses_thread_clock_ ? options_.clock.thread() : options_.clock.wall();
  }

  /// Who comes first changes from round to round.
  void run_round(int round) {
    for (size_t i = 0; i < lanes_.size(); ++i) {
      auto& lane = lanes_[(i + static_cast<size_t>(round)) % lanes_.size()];
      if (!lane.is_out) {
        lane.seconds.push_back(timed(lane));
      }
    }
  }

  double timed(const Lane& lane) const {
    if (options_.before_each) {
      options_.before_each();
    } else {
      (*lane.run)(); // The others left their own weights in the caches.
    }
    const double begin = now();
    for (int i = 0; i < lane.repeats; ++i) {
      (*lane.run)();
    }
    return (now() - begin) / lane.repeats;
  }

  size_t fastest() const {
    size_t best = 0;
    for (size_t i = 1; i < lanes_.size(); ++i) {
      if (!lanes_[i].is_out &&
          median(lanes_[i].seconds) < median(lanes_[best].seconds)) {
        best = i;
      }
    }
    return best;
  }

  void drop_losers(size_t first) {
    for (size_t i = 1; i < lanes_.size(); ++i) {
      lanes_[i].is_out = lanes_[i].is_out ||
          (i != first && surely_below(first, i, 1 / kEqual));
    }
  }

  /// Whether lane `a` surely takes less than `factor` times as long as `b`.
  /// Lanes run in every round until they are out, so that rounds pair them.
  bool surely_below(size_t a, size_t b, double factor) const {
    const auto& x = lanes_[a].seconds;
    const auto& y = lanes_[b].seconds;
    const size_t rounds = std::min(x.size(), y.size());
    size_t wins = 0;
    size_t large = 0;
    for (size_t i = 0; i < rounds; ++i) {
      wins += x[i] < factor * y[i];
      large += x[i] < kLarge * factor * y[i];
    }
    if (large == rounds) {
      return true;
    }
    // Wins of equals are n/2 with a deviation of sqrt(n)/2; 3 of them are the
    // upper 0.1%, because a race is looked at more than once.
    const auto n = static_cast<double>(rounds);
    return (static_cast<double>(wins) - n / 2) > 3 * std::sqrt(n) / 2;
  }

  bool is_settled(size_t first) const {
    for (size_t i = 0; i < lanes_.size(); ++i) {
      if (i != first && !lanes_[i].is_out && !surely_below(first, i, kEqual)) {
        return false;
      }
    }
    return first == 0 || surely_below(first, 0, kBetter) ||
        surely_below(0, first, kEqual);
  }

  /// The median of a lane's times over those of another that ran in all of the
  /// same rounds.
  double ratio(size_t lane, size_t other) const {
    std::vector<double> ratios;
    for (size_t i = 0; i < lanes_[lane].seconds.size(); ++i) {
      ratios.push_back(lanes_[lane].seconds[i] / lanes_[other].seconds[i]);
    }
    return median(ratios);
  }

  /// Of a lane that ran no more after some rounds, by way of the fastest: lane
  /// 0 may have had another speed in those rounds than later. So may the
  /// fastest, once it shares the caches with fewer; what lost is no faster for
  /// that.
  double ratio_to_0(size_t lane, size_t first) const {
    if (!lanes_[lane].is_out) {
      return ratio(lane, 0);
    }
    return std::max(ratio(lane, first), kEqual) * ratio(first, 0);
  }

  RaceResult make_result(size_t first) const {
    RaceResult result;
    for (size_t i = 0; i < lanes_.size(); ++i) {
      result.microseconds.push_back(1e6 * median(lanes_[i].seconds));
      result.ratios.push_back(ratio_to_0(i, first));
      result.wins.push_back(i > 0 && surely_below(i, 0, kBetter));
      result.losses.push_back(i > 0 && surely_below(0, i, kBetter));
    }
    result.winner = result.wins[first] ? first : 0;
    return result;
  }

  const RaceOptions& options_;
  std::vector<Lane> lanes_;
  bool uses_thread_clock_ = false;
};

} // namespace

RaceClock machine_clock() {
  return {&wall_seconds, &thread_seconds};
}

RaceResult race(
    const std::vector<std::function<void()>>& contenders,
    const RaceOptions& options) {
  return contenders.empty() ? RaceResult() : Race(contenders, options).result();
}

} // namespace coppice::compiling
