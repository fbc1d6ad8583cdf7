#include "masks/cut.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/select.h"
#include "masks/bracket.h"
#include "masks/ranges.h"

namespace coppice::masks::cpu {
namespace {

using kernels::BracketCounts;
using kernels::Cut;
using kernels::Order;
using kernels::order_key;

/// Fewer values are sorted without a sample.
constexpr int64_t kFewValues = 4096;

/// Finds the cut by partially sorting a copy of all keys.
CheckedCut
cut_by_sorting(const float* values, int64_t count, int64_t drop, Order order) {
  std::vector<int32_t> keys(count);
  bool finite = true;
  for (int64_t i = 0; i < count; ++i) {
    keys[i] = order_key(values[i], order);
    finite &= order_key(values[i], Order::kMagnitude) < kernels::kInfinityKey;
  }
  return {kernels::find_cut(keys.data(), count, drop), finite};
}

/// The values inside a bracket, in order.
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
    const MaskedWeight* masked) {
  const Ranges ranges(count);
  // Uninitialised, so that unused pages are never touched.
  std::unique_ptr<float[]> inside(new float[count]);
  std::vector<BracketCounts> counts(ranges.size());
  ranges.for_each([&](int64_t i, int64_t begin, int64_t end) {
    for (int64_t from = begin; from < end; from += kPiece) {
      const int64_t to = std::min(from + kPiece, end);
      if (masked) {
        masked->absorb_writes(from, to);
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

/// The cut, if it is in `bracket`.
std::optional<CheckedCut> cut_in_bracket(
    const float* values,
    int64_t count,
    int64_t drop,
    Order order,
    Bracket bracket,
    const MaskedWeight* masked) {
  const Inside inside = take_inside(values, count, order, bracket, masked);
  const BracketCounts& counts = inside.counts;
  const bool finite = counts.highest < kernels::kInfinityKey;
  int64_t left = drop - static_cast<int64_t>(counts.below);
  if (left <= 0) {
    return std::nullopt;
  }
  if (left <= static_cast<int64_t>(counts.at_low)) {
    return CheckedCut{{bracket.low, left}, finite};
  }
  left -= counts.at_low;
  if (left <= static_cast<int64_t>(counts.inside)) {
    const auto found =
        find_cut(inside.values.get(), counts.inside, left, order);
    return CheckedCut{found.cut, finite};
  }
  left -= counts.inside;
  if (bracket.low < bracket.high &&
      left <= static_cast<int64_t>(counts.at_high)) {
    return CheckedCut{{bracket.high, left}, finite};
  }
  return std::nullopt;
}

/// Sets the mask for ties that `cut` keeps. `ties` has the number of ties in
/// each range.
void keep_other_ties(
    const float* values,
    const Ranges& ranges,
    const std::vector<int64_t>& ties,
    const Cut& cut,
    Order order,
    uint8_t* mask) {
  const auto key = static_cast<int32_t>(cut.key);
  std::vector<int64_t> dropped(ties.size());
  int64_t left = cut.ties;
  for (size_t i = 0; i < ties.size(); ++i) {
    dropped[i] = std::min(left, ties[i]);
    left -= dropped[i];
  }
  ranges.for_each([&](int64_t i, int64_t begin, int64_t end) {
    if (dropped[i] < ties[i]) {
      kernels::keep_ties(
          values + begin, end - begin, order, key, dropped[i], mask + begin);
    }
  });
}

} // namespace

CheckedCut find_cut(
    const float* values,
    int64_t count,
    int64_t drop,
    Order order,
    const MaskedWeight* masked) {
  if (count <= kFewValues) {
    if (masked) {
      masked->absorb_writes(0, count);
    }
    return cut_by_sorting(values, count, drop, order);
  }
  const double share = static_cast<double>(drop) / count;
  const SampleSource source{
      [&](int64_t i) { __builtin_prefetch(values + i); },
      [&](int64_t i) { return order_key(values[i], order); }};
  std::minstd_rand random;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Bracket bracket = guess_bracket(count, share, random, source);
    if (const auto cut =
            cut_in_bracket(values, count, drop, order, bracket, masked)) {
      return *cut;
    }
  }
  return cut_by_sorting(values, count, drop, order);
}

int64_t write_mask(
    const float* values,
    int64_t count,
    const Cut& cut,
    Order order,
    uint8_t* mask) {
  const auto key = static_cast<int32_t>(cut.key);
  const Ranges ranges(count);
  std::vector<int64_t> ties(ranges.size());
  ranges.for_each([&](int64_t i, int64_t begin, int64_t end) {
    ties[i] = kernels::keep_above(
        values + begin, end - begin, order, key, mask + begin);
  });
  int64_t all_ties = 0;
  for (const int64_t t : ties) {
    all_ties += t;
  }
  if (all_ties > cut.ties) {
    keep_other_ties(values, ranges, ties, cut, order, mask);
  }
  return std::min(all_ties, cut.ties);
}

} // namespace coppice::masks::cpu
