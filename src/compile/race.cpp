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

/// Only runs longer than this are timed by the thread clock, which takes longer
/// to read than the wall clock.
constexpr double kMinThreadTimed = 200e-6;

/// The limit of wall time, relative to `max_seconds`.
constexpr double kMaxWallRatio = 5;

/// The shortest timed run: below, the clock's resolution dominates.
constexpr double kMinTimed = 20e-6;
constexpr int kMaxRepeats = 1000;

/// With this many rounds, a difference of a fifth in each is significant.
constexpr int kMinSureRounds = 6;
constexpr double kLargeRatio = 0.8;

/// The relevant differences: contenders within kEqual count as equal; kBetter
/// is needed to replace contender 0.
constexpr double kEqual = 1.02;
constexpr double kBetter = 0.99;

double median(std::vector<double> values) {
  const auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Contender {
  const std::function<void()>* run = nullptr;
  int repeats = 1;
  bool has_lost = false;
  std::vector<double> seconds; ///< Of a run, in each round.
};

class Race {
 public:
  Race(
      const std::vector<std::function<void()>>& contenders,
      const RaceOptions& options)
      : options_(options) {
    for (const auto& run : contenders) {
      contenders_.push_back({&run, 1, false, {}});
    }
  }

  RaceResult result() {
    for (auto& contender : contenders_) {
      warm_up(contender);
    }
    const double wall = options_.clock.wall();
    const double worked = options_.clock.thread();
    int next_check = kMinSureRounds;
    for (int rounds = 1;; ++rounds) {
      run_round(rounds);
      const bool is_late =
          options_.clock.thread() - worked > options_.max_seconds ||
          options_.clock.wall() - wall > kMaxWallRatio * options_.max_seconds;
      // Rarely, because each test is a chance of a false positive.
      if (rounds < next_check && !(is_late && rounds >= kMinSureRounds)) {
        continue;
      }
      next_check = rounds + 1 + rounds / 4;
      const size_t first = fastest();
      if (is_late || (rounds >= options_.min_rounds && is_decided(first))) {
        return make_result(first);
      }
      if (options_.drops_losers) {
        drop_losers(first);
      }
    }
  }

 private:
  /// Also chooses the repeats of a short run. With `before_each` there are
  /// none: a second run would find the weights in the cache.
  void warm_up(Contender& contender) {
    (*contender.run)();
    const double begin = options_.clock.wall();
    (*contender.run)();
    const double once = std::max(options_.clock.wall() - begin, 1e-9);
    // Excludes time of other processes, if the thread clock can tell.
    if (&contender == &contenders_[0]) {
      uses_thread_clock_ = once > kMinThreadTimed && at::get_num_threads() == 1;
    }
    if (!options_.before_each) {
      contender.repeats = static_cast<int>(
          std::clamp(std::ceil(kMinTimed / once), 1.0, double(kMaxRepeats)));
    }
  }

  double now() const {
    return uses_thread_clock_ ? options_.clock.thread() : options_.clock.wall();
  }

  /// The order rotates from round to round.
  void run_round(int round) {
    for (size_t i = 0; i < contenders_.size(); ++i) {
      auto& contender =
          contenders_[(i + static_cast<size_t>(round)) % contenders_.size()];
      if (!contender.has_lost) {
        contender.seconds.push_back(timed(contender));
      }
    }
  }

  double timed(const Contender& contender) const {
    if (options_.before_each) {
      options_.before_each();
    } else {
      (*contender.run)(); // Brings its weights back into the caches.
    }
    const double begin = now();
    for (int i = 0; i < contender.repeats; ++i) {
      (*contender.run)();
    }
    return (now() - begin) / contender.repeats;
  }

  size_t fastest() const {
    size_t best = 0;
    for (size_t i = 1; i < contenders_.size(); ++i) {
      if (!contenders_[i].has_lost &&
          median(contenders_[i].seconds) < median(contenders_[best].seconds)) {
        best = i;
      }
    }
    return best;
  }

  void drop_losers(size_t first) {
    for (size_t i = 1; i < contenders_.size(); ++i) {
      contenders_[i].has_lost = contenders_[i].has_lost ||
          (i != first && significantly_below(first, i, 1 / kEqual));
    }
  }

  /// Whether contender `a` takes significantly less than `factor` times as long
  /// as `b`. Contenders run in every round until they lose, so that rounds pair
  /// them.
  bool significantly_below(size_t a, size_t b, double factor) const {
    const auto& x = contenders_[a].seconds;
    const auto& y = contenders_[b].seconds;
    const size_t rounds = std::min(x.size(), y.size());
    size_t wins = 0;
    size_t large = 0;
    for (size_t i = 0; i < rounds; ++i) {
      wins += x[i] < factor * y[i];
      large += x[i] < kLargeRatio * factor * y[i];
    }
    if (large == rounds) {
      return true;
    }
    // Between equals the wins have mean n/2 and standard deviation sqrt(n)/2.
    // Three of these are the upper 0.1%, strict because the test is repeated.
    const auto n = static_cast<double>(rounds);
    return (static_cast<double>(wins) - n / 2) > 3 * std::sqrt(n) / 2;
  }

  bool is_decided(size_t first) const {
    for (size_t i = 0; i < contenders_.size(); ++i) {
      if (i != first && !contenders_[i].has_lost &&
          !significantly_below(first, i, kEqual)) {
        return false;
      }
    }
    return first == 0 || significantly_below(first, 0, kBetter) ||
        significantly_below(0, first, kEqual);
  }

  /// The median ratio of a contender's times to those of another one that ran
  /// in all of the same rounds.
  double ratio(size_t contender, size_t other) const {
    std::vector<double> ratios;
    for (size_t i = 0; i < contenders_[contender].seconds.size(); ++i) {
      ratios.push_back(
          contenders_[contender].seconds[i] / contenders_[other].seconds[i]);
    }
    return median(ratios);
  }

  /// The ratio to contender 0. For a contender that stopped early, by way of
  /// the fastest: the speed of contender 0 may have changed since those rounds.
  /// So may that of the fastest, with fewer contenders in the caches; a loser
  /// cannot profit from that.
  double ratio_to_0(size_t contender, size_t first) const {
    if (!contenders_[contender].has_lost) {
      return ratio(contender, 0);
    }
    return std::max(ratio(contender, first), kEqual) * ratio(first, 0);
  }

  RaceResult make_result(size_t first) const {
    RaceResult result;
    for (size_t i = 0; i < contenders_.size(); ++i) {
      result.microseconds.push_back(1e6 * median(contenders_[i].seconds));
      result.ratios.push_back(ratio_to_0(i, first));
      result.wins.push_back(i > 0 && significantly_below(i, 0, kBetter));
      result.losses.push_back(i > 0 && significantly_below(0, i, kBetter));
    }
    result.winner = result.wins[first] ? first : 0;
    return result;
  }

  const RaceOptions& options_;
  std::vector<Contender> contenders_;
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
