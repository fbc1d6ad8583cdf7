#include "masks/cut.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "coppice/kernels/select.h"
#include "masks/ranges.h"

namespace coppice::masks::cpu {
namespace {

using kernels::BracketCounts;
using kernels::Order;
using kernels::order_key;

/// Fewer values are sorted at once.
constexpr int64_t kFewValues = 4096;

/// Two keys, low <= high, between which the cut is likely to be.
struct Bracket {
  int32_t low;
  int32_t high;
};

/// The cut by partially sorting a copy of all keys.
Cut cut_by_sorting(
    const float* values,
    int64_t count,
    int64_t drop,
    Order order) {
  std::vector<int32_t> keys(count);
  Cut cut;
  for (int64_t i = 0; i < count; ++i) {
    keys[i] = order_key(values[i], order);
    cut.finite &=
        order_key(values[i], Order::kMagnitude) < kernels::kInfinityKey;
  }
  const auto last = keys.begin() + (drop - 1);
  std::nth_element(keys.begin(), last, keys.end());
  cut.key = *last;
  cut.ties = drop -
      std::count_if(keys.begin(), last, [&](int32_t k) { return k < cut.key; });
  return cut;
}

/// Keys of one random value of each of `size` equal stretches of the values.
std::vector<int32_t> sample_of(
    const float* values,
    int64_t count,
    int64_t size,
    Order order,
    std::minstd_rand& random) {
  std::vector<int32_t> sample(size);
  for (int64_t i = 0; i < size; ++i) {
    const int64_t begin = i * count / size;
    const int64_t length = (i + 1) * count / size - begin;
    sample[i] = order_key(values[begin + random() % length], order);
  }
  return sample;
}

/// A bracket that misses the cut about once in a million times: five standard
/// deviations of how many of the sample lie below the cut to either side.
Bracket bracket_of(std::vector<int32_t> sample, double share) {
  const double size = static_cast<double>(sample.size());
  const double margin = 5 * std::sqrt(share * (1 - share) * size) + 8;
  const auto at = [&](double rank) {
    const auto nth = sample.begin() + static_cast<int64_t>(rank);
    std::nth_element(sample.begin(), nth, sample.end());
    return *nth;
  };
  const double low = share * size - margin;
  const double high = share * size + margin;
  return {low < 0 ? INT32_MIN : at(low), high >= size ? INT32_MAX : at(high)};
}

/// The values inside a bracket, of all ranges in order.
struct Inside {
  BracketCounts counts;
  std::unique_ptr<float[]> values;
};

void add(BracketCounts& sum, const BracketCounts& more) {
  sum.below += more.below;
  sum.at_low += more.at_low;
  sum.inside += more.inside;
  sum.at_high += more.at_high;
  sum.highest = std::max(sum.highest, more.highest);
}

Inside take_inside(
    const float* values,
    int64_t count,
    Order order,
    Bracket bracket,
    const BeforeScoring& before_scoring) {
  const Ranges ranges(count);
  // Not initialised: what is not used is never touched.
  std::unique_ptr<float[]> inside(new float[count]);
  std::vector<BracketCounts> counts(ranges.size());
  ranges.for_each([&](int64_t i, int64_t begin, int64_t end) {
    for (int64_t from = begin; from < end; from += kPiece) {
      const int64_t to = std::min(from + kPiece, end);
      if (before_scoring) {
        before_scoring(from, to);
      }
      add(counts[i],
          kernels::count_in_bracket(
              values + from,
              to - from,
              order,
              bracket.low,
              bracket.high,
              inside.get() + begin + counts[i].inside));
    }
  });
  Inside all{counts[0], std::move(inside)};
  for (int64_t i = 1; i < ranges.size(); ++i) {
    std::memmove(
        all.values.get() + all.counts.inside,
        all.values.get() + ranges.begin(i),
        counts[i].inside * sizeof(float));
    add(all.counts, counts[i]);
  }
  return all;
}

/// The cut if `bracket` holds it.
std::optional<Cut> cut_in_bracket(
    const float* values,
    int64_t count,
    int64_t drop,
    Order order,
    Bracket bracket,
    const BeforeScoring& before_scoring) {
  const Inside inside =
      take_inside(values, count, order, bracket, before_scoring);
  const BracketCounts& counts = inside.counts;
  const bool finite = counts.highest < kernels::kInfinityKey;
  int64_t left = drop - static_cast<int64_t>(counts.below);
  if (left <= 0) {
    return std::nullopt;
  }
  if (left <= static_cast<int64_t>(counts.at_low)) {
    return Cut{bracket.low, left, finite};
  }
  left -= counts.at_low;
  if (left <= static_cast<int64_t>(counts.inside)) {
    Cut cut = find_cut(inside.values.get(), counts.inside, left, order);
    cut.finite = finite;
    return cut;
  }
  left -= counts.inside;
  if (bracket.low < bracket.high &&
      left <= static_cast<int64_t>(counts.at_high)) {
    return Cut{bracket.high, left, finite};
  }
  return std::nullopt;
}

} // namespace

Cut find_cut(
    const float* values,
    int64_t count,
    int64_t drop,
    Order order,
    const BeforeScoring& before_scoring) {
  if (count <= kFewValues) {
    if (before_scoring) {
      before_scoring(0, count);
    }
    return cut_by_sorting(values, count, drop, order);
  }
  const double share = static_cast<double>(drop) / count;
  const auto size =
      static_cast<int64_t>(4 * std::sqrt(static_cast<double>(count)));
  std::minstd_rand random;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Bracket bracket =
        bracket_of(sample_of(values, count, size, order, random), share);
    if (const auto cut = cut_in_bracket(
            values, count, drop, order, bracket, before_scoring)) {
      return *cut;
    }
  }
  return cut_by_sorting(values, count, drop, order);
}

} // namespace coppice::masks::cpu
