#include "kernels/select.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/select.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/order-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Increments the lanes of `mask`. A lane counts up to 2^31.
HWY_INLINE IntVec Counted(IntVec counts, hn::Mask<Ints> mask) {
  return hn::Sub(counts, hn::VecFromMask(Ints(), mask));
}

HWY_INLINE size_t Total(IntVec counts) {
  const Ints d;
  HWY_ALIGN int32_t lanes[hn::MaxLanes(d)];
  hn::Store(counts, d, lanes);
  size_t total = 0;
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    total += static_cast<uint32_t>(lanes[i]);
  }
  return total;
}

/// One value of `CountInBracket`.
HWY_INLINE void
CountOne(int32_t key, int32_t low, int32_t high, BracketCounts& counts) {
  counts.below += key < low;
  counts.at_low += key == low;
  counts.at_high += key == high;
  counts.highest = std::max(counts.highest, key);
}

template <Order kOrder>
BracketCounts CountInBracket(
    const float* HWY_RESTRICT values,
    size_t count,
    int32_t low,
    int32_t high,
    float* HWY_RESTRICT inside) {
  const Floats d;
  const Ints di;
  const size_t lanes = hn::Lanes(d);
  const auto lows = hn::Set(di, low);
  const auto highs = hn::Set(di, high);
  auto below = hn::Zero(di);
  auto at_low = hn::Zero(di);
  auto at_high = hn::Zero(di);
  auto highest = hn::Set(di, INT32_MIN);
  float* next = inside;
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto v = hn::LoadU(d, values + i);
    const auto keys = Keys<kOrder>(v);
    const auto is_inside = hn::And(hn::Gt(keys, lows), hn::Lt(keys, highs));
    below = Counted(below, hn::Lt(keys, lows));
    at_low = Counted(at_low, hn::Eq(keys, lows));
    at_high = Counted(at_high, hn::Eq(keys, highs));
    highest = hn::Max(highest, keys);
    // Compresses in a register and stores the whole vector: on Zen 4 a
    // compressing store is ten times slower.
    const auto mask = hn::RebindMask(d, is_inside);
    hn::StoreU(hn::Compress(v, mask), d, next);
    next += hn::CountTrue(d, mask);
  }
  BracketCounts counts;
  counts.below = Total(below);
  counts.at_low = Total(at_low);
  counts.at_high = Total(at_high);
  counts.highest = hn::GetLane(hn::MaxOfLanes(di, highest));
  for (; i < count; ++i) {
    const int32_t key = order_key(values[i], kOrder);
    CountOne(key, low, high, counts);
    *next = values[i];
    next += low < key && key < high;
  }
  counts.inside = next - inside;
  return counts;
}

Split SplitAtBracket(
    const float* HWY_RESTRICT values,
    size_t count,
    int32_t low,
    int32_t high,
    uint8_t* HWY_RESTRICT mask,
    float* HWY_RESTRICT inside,
    int32_t* HWY_RESTRICT indices) {
  const Floats d;
  const Ints di;
  const hn::Rebind<uint8_t, Ints> bytes;
  const size_t lanes = hn::Lanes(d);
  const auto lows = hn::Set(di, low);
  const auto highs = hn::Set(di, high);
  const auto one = hn::Set(di, 1);
  const auto step = hn::Set(di, static_cast<int32_t>(lanes));
  auto index = hn::Iota(di, 0);
  auto kept = hn::Zero(di);
  auto highest = hn::Zero(di);
  Split split;
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto v = hn::LoadU(d, values + i);
    const auto keys = MagnitudeKeys(v);
    const auto above = hn::Gt(keys, lows);
    const auto is_inside = hn::And(above, hn::Lt(keys, highs));
    kept = Counted(kept, above);
    highest = hn::Max(highest, keys);
    const auto keep = hn::And(hn::VecFromMask(di, above), one);
    hn::StoreU(hn::DemoteTo(bytes, keep), bytes, mask + i);
    const auto taken = hn::Compress(v, hn::RebindMask(d, is_inside));
    hn::StoreU(taken, d, inside + split.inside);
    hn::StoreU(hn::Compress(index, is_inside), di, indices + split.inside);
    split.inside += hn::CountTrue(di, is_inside);
    index = hn::Add(index, step);
  }
  split.highest = hn::GetLane(hn::MaxOfLanes(di, highest));
  split.dropped = i - Total(kept);
  for (; i < count; ++i) {
    const int32_t key = order_key(values[i], Order::kMagnitude);
    split.highest = std::max(split.highest, key);
    split.dropped += key <= low;
    mask[i] = key > low;
    inside[split.inside] = values[i];
    indices[split.inside] = static_cast<int32_t>(i);
    split.inside += low < key && key < high;
  }
  return split;
}

template <Order kOrder>
size_t KeepAbove(
    const float* HWY_RESTRICT values,
    size_t count,
    int32_t cut,
    uint8_t* HWY_RESTRICT mask) {
  const Floats d;
  const Ints di;
  const hn::Rebind<uint8_t, Ints> bytes;
  const size_t lanes = hn::Lanes(d);
  const auto cuts = hn::Set(di, cut);
  const auto one = hn::Set(di, 1);
  auto tied = hn::Zero(di);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto keys = Keys<kOrder>(hn::LoadU(d, values + i));
    tied = Counted(tied, hn::Eq(keys, cuts));
    const auto above = hn::VecFromMask(di, hn::Gt(keys, cuts));
    hn::StoreU(hn::DemoteTo(bytes, hn::And(above, one)), bytes, mask + i);
  }
  size_t ties = Total(tied);
  for (; i < count; ++i) {
    const int32_t key = order_key(values[i], kOrder);
    mask[i] = key > cut;
    ties += key == cut;
  }
  return ties;
}

/// The index after the `dropped`-th tie.
template <Order kOrder>
size_t SkipTies(
    const float* HWY_RESTRICT values,
    size_t count,
    int32_t cut,
    size_t dropped) {
  const Floats d;
  const Ints di;
  const size_t lanes = hn::Lanes(d);
  const auto cuts = hn::Set(di, cut);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto keys = Keys<kOrder>(hn::LoadU(d, values + i));
    const size_t ties = hn::CountTrue(di, hn::Eq(keys, cuts));
    if (ties > dropped) {
      break;
    }
    dropped -= ties;
  }
  for (; i < count && dropped > 0; ++i) {
    dropped -= order_key(values[i], kOrder) == cut;
  }
  return i;
}

template <Order kOrder>
void KeepTies(
    const float* HWY_RESTRICT values,
    size_t count,
    int32_t cut,
    size_t dropped,
    uint8_t* HWY_RESTRICT mask) {
  const Floats d;
  const Ints di;
  const hn::Rebind<uint8_t, Ints> bytes;
  const size_t lanes = hn::Lanes(d);
  const auto cuts = hn::Set(di, cut);
  const auto one = hn::Set(di, 1);
  size_t i = SkipTies<kOrder>(values, count, cut, dropped);
  for (; i + lanes <= count; i += lanes) {
    const auto keys = Keys<kOrder>(hn::LoadU(d, values + i));
    const auto ties = hn::VecFromMask(di, hn::Eq(keys, cuts));
    const auto kept = hn::DemoteTo(bytes, hn::And(ties, one));
    hn::StoreU(hn::Or(kept, hn::LoadU(bytes, mask + i)), bytes, mask + i);
  }
  for (; i < count; ++i) {
    mask[i] |= order_key(values[i], kOrder) == cut;
  }
}

BracketCounts CountMagnitudes(
    const float* values,
    size_t count,
    int32_t low,
    int32_t high,
    float* inside) {
  return CountInBracket<Order::kMagnitude>(values, count, low, high, inside);
}
BracketCounts CountValues(
    const float* values,
    size_t count,
    int32_t low,
    int32_t high,
    float* inside) {
  return CountInBracket<Order::kValue>(values, count, low, high, inside);
}
size_t KeepMagnitudesAbove(
    const float* values,
    size_t count,
    int32_t cut,
    uint8_t* mask) {
  return KeepAbove<Order::kMagnitude>(values, count, cut, mask);
}
size_t
KeepValuesAbove(const float* values, size_t count, int32_t cut, uint8_t* mask) {
  return KeepAbove<Order::kValue>(values, count, cut, mask);
}
void KeepTiedMagnitudes(
    const float* values,
    size_t count,
    int32_t cut,
    size_t dropped,
    uint8_t* mask) {
  KeepTies<Order::kMagnitude>(values, count, cut, dropped, mask);
}
void KeepTiedValues(
    const float* values,
    size_t count,
    int32_t cut,
    size_t dropped,
    uint8_t* mask) {
  KeepTies<Order::kValue>(values, count, cut, dropped, mask);
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(CountMagnitudes);
HWY_EXPORT(CountValues);
HWY_EXPORT(SplitAtBracket);
HWY_EXPORT(KeepMagnitudesAbove);
HWY_EXPORT(KeepValuesAbove);
HWY_EXPORT(KeepTiedMagnitudes);
HWY_EXPORT(KeepTiedValues);

BracketCounts count_in_bracket(
    const float* values,
    size_t count,
    Order order,
    int32_t low,
    int32_t high,
    float* inside) {
  const auto kernel = order == Order::kMagnitude
      ? HWY_DYNAMIC_DISPATCH(CountMagnitudes)
      : HWY_DYNAMIC_DISPATCH(CountValues);
  return kernel(values, count, low, high, inside);
}

Split split_at_bracket(
    const float* values,
    size_t count,
    int32_t low,
    int32_t high,
    uint8_t* mask,
    float* inside,
    int32_t* indices) {
  return HWY_DYNAMIC_DISPATCH(SplitAtBracket)(
      values, count, low, high, mask, inside, indices);
}

size_t keep_above(
    const float* values,
    size_t count,
    Order order,
    int32_t cut,
    uint8_t* mask) {
  const auto kernel = order == Order::kMagnitude
      ? HWY_DYNAMIC_DISPATCH(KeepMagnitudesAbove)
      : HWY_DYNAMIC_DISPATCH(KeepValuesAbove);
  return kernel(values, count, cut, mask);
}

void keep_ties(
    const float* values,
    size_t count,
    Order order,
    int32_t cut,
    size_t dropped,
    uint8_t* mask) {
  const auto kernel = order == Order::kMagnitude
      ? HWY_DYNAMIC_DISPATCH(KeepTiedMagnitudes)
      : HWY_DYNAMIC_DISPATCH(KeepTiedValues);
  kernel(values, count, cut, dropped, mask);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
