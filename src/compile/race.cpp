#include "compile/race.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace coppice::compiling {
namespace {

using Clock = std::chrono::steady_clock;

/// A timed run is at least this long, or the clock is what is measured.
constexpr double kShortest = 20e-6;
constexpr int kMostRepeats = 1000;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

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
    const auto begin = Clock::now();
    for (int rounds = 1;; ++rounds) {
      for (auto& lane : lanes_) {
        if (!lane.is_out) {
          lane.seconds.push_back(timed(lane));
        }
      }
      const bool is_late = seconds_since(begin) > options_.max_seconds;
      if (rounds < options_.min_rounds && !(is_late && rounds >= 3)) {
        continue;
      }
      const size_t first = fastest(lanes_.size());
      drop_hopeless(first);
      if (is_late || (beats(first, 0) && beats(first, fastest(first)))) {
        return make_result(first);
      }
    }
  }

 private:
  /// Also finds how often a short run is repeated. With something to do before
  /// each run it is not: the second would find the weights in the cache.
  void warm_up(Lane& lane) const {
    (*lane.run)();
    if (options_.before_each) {
      return;
    }
    const auto begin = Clock::now();
    (*lane.run)();
    const double once = std::max(seconds_since(begin), 1e-9);
    lane.repeats = static_cast<int>(
        std::clamp(std::ceil(kShortest / once), 1.0, double(kMostRepeats)));
  }

  double timed(const Lane& lane) const {
    if (options_.before_each) {
      options_.before_each();
    }
    const auto begin = Clock::now();
    for (int i = 0; i < lane.repeats; ++i) {
      (*lane.run)();
    }
    return seconds_since(begin) / lane.repeats;
  }

  /// The lane with the lowest median, but for `left_out`.
  size_t fastest(size_t left_out) const {
    size_t best = lanes_.size();
    for (size_t i = 0; i < lanes_.size(); ++i) {
      if (i != left_out && !lanes_[i].is_out &&
          (best == lanes_.size() ||
           median(lanes_[i].seconds) < median(lanes_[best].seconds))) {
        best = i;
      }
    }
    return best;
  }

  void drop_hopeless(size_t first) {
    const double limit = options_.hopeless * median(lanes_[first].seconds);
    for (size_t i = 1; i < lanes_.size(); ++i) {
      lanes_[i].is_out |= i != first && median(lanes_[i].seconds) > limit;
    }
  }

  /// Whether it is settled that `a` is faster than `b`, or as fast. Lanes run
  /// in every round until they are out, so that rounds pair them.
  bool beats(size_t a, size_t b) const {
    if (a == b || b == lanes_.size()) {
      return true;
    }
    const auto& x = lanes_[a].seconds;
    const auto& y = lanes_[b].seconds;
    const size_t rounds = std::min(x.size(), y.size());
    size_t wins = 0;
    std::vector<double> ratios;
    for (size_t i = 0; i < rounds; ++i) {
      wins += x[i] < y[i];
      ratios.push_back(x[i] / y[i]);
    }
    // Wins of equals are n/2 with a deviation of sqrt(n)/2; 2.33 of them are
    // the upper 1%.
    const double n = static_cast<double>(rounds);
    const bool is_sure =
        wins == rounds || (wins - n / 2) / (std::sqrt(n) / 2) > 2.33;
    return is_sure || (n >= 25 && std::abs(median(ratios) - 1) < 0.01);
  }

  RaceResult make_result(size_t first) const {
    RaceResult result;
    for (const auto& lane : lanes_) {
      result.microseconds.push_back(1e6 * median(lane.seconds));
    }
    const bool is_faster =
        result.microseconds[first] < 0.98 * result.microseconds[0];
    result.winner = is_faster && beats(first, 0) ? first : 0;
    return result;
  }

  const RaceOptions& options_;
  std::vector<Lane> lanes_;
};

} // namespace

RaceResult race(
    const std::vector<std::function<void()>>& contenders,
    const RaceOptions& options) {
  return contenders.empty() ? RaceResult() : Race(contenders, options).result();
}

} // namespace coppice::compiling
