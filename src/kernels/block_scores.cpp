#include "kernels/block_scores.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/block_scores.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/order-inl.h"

// Each product and sum is rounded: this room is compiled with
// -ffp-contract=off, and nothing here uses a fused multiply-add.

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The arguments that the functions below share.
struct BlockRow {
  const float* values;
  size_t rows;
  size_t width;
  float* scores;
};

template <Measure kMeasure>
HWY_INLINE FloatVec Measured(FloatVec v) {
  return kMeasure == Measure::kValue ? v
      : kMeasure == Measure::kSquare ? hn::Mul(v, v)
                                     : hn::Abs(v);
}

template <Measure kMeasure>
HWY_INLINE float MeasuredOne(float v) {
  return kMeasure == Measure::kValue ? v
      : kMeasure == Measure::kSquare ? v * v
                                     : (v < 0 ? -v : v);
}

/// Tracks whether every value is finite.
class FiniteCheck {
 public:
  // Written out: a defaulted one would lack the target's instruction set.
  HWY_INLINE FiniteCheck() : highest_(hn::Zero(Ints())) {}

  HWY_INLINE void Add(FloatVec v) {
    highest_ = hn::Max(highest_, MagnitudeKeys(v));
  }
  void AddOne(float v) {
    highest_one_ = std::max(highest_one_, order_key(v, Order::kMagnitude));
  }
  bool AllFinite() const {
    const int32_t highest = hn::GetLane(hn::MaxOfLanes(Ints(), highest_));
    return std::max(highest, highest_one_) < kInfinityKey;
  }

 private:
  IntVec highest_;
  int32_t highest_one_ = 0;
};

/// The block of the columns [begin, end).
template <Measure kMeasure>
float ScoreOne(
    const BlockRow& row,
    size_t begin,
    size_t end,
    FiniteCheck& finite) {
  float sum = 0;
  for (size_t r = 0; r < row.rows; ++r) {
    const float* v = row.values + r * row.width;
    for (size_t c = begin; c < end; ++c) {
      finite.AddOne(v[c]);
      sum += MeasuredOne<kMeasure>(v[c]);
    }
  }
  return sum / static_cast<float>(row.rows * (end - begin));
}

/// One block of four columns, maybe partial.
template <Measure kMeasure>
float ScoreFour(const BlockRow& row, size_t begin, FiniteCheck& finite) {
  const size_t cols = std::min<size_t>(4, row.width - begin);
  float sum = 0;
  for (size_t r = 0; r < row.rows; ++r) {
    float four[4] = {};
    for (size_t c = 0; c < cols; ++c) {
      const float v = row.values[r * row.width + begin + c];
      finite.AddOne(v);
      four[c] = MeasuredOne<kMeasure>(v);
    }
    sum += (four[0] + four[1]) + (four[2] + four[3]);
  }
  return sum / static_cast<float>(row.rows * cols);
}

template <Measure kMeasure>
bool ScoreSingleColumns(const BlockRow& row) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const auto divisor = hn::Set(d, static_cast<float>(row.rows));
  FiniteCheck finite;
  size_t c = 0;
  // Four vectors of columns at a time: whole cache lines of every row, and four
  // independent sums.
  for (; c + 4 * lanes <= row.width; c += 4 * lanes) {
    const float* v = row.values + c;
    auto s0 = hn::Zero(d);
    auto s1 = s0;
    auto s2 = s0;
    auto s3 = s0;
    for (size_t r = 0; r < row.rows; ++r, v += row.width) {
      const auto v0 = hn::LoadU(d, v);
      const auto v1 = hn::LoadU(d, v + lanes);
      const auto v2 = hn::LoadU(d, v + 2 * lanes);
      const auto v3 = hn::LoadU(d, v + 3 * lanes);
      finite.Add(v0);
      finite.Add(v1);
      finite.Add(v2);
      finite.Add(v3);
      s0 = hn::Add(s0, Measured<kMeasure>(v0));
      s1 = hn::Add(s1, Measured<kMeasure>(v1));
      s2 = hn::Add(s2, Measured<kMeasure>(v2));
      s3 = hn::Add(s3, Measured<kMeasure>(v3));
    }
    hn::StoreU(hn::Div(s0, divisor), d, row.scores + c);
    hn::StoreU(hn::Div(s1, divisor), d, row.scores + c + lanes);
    hn::StoreU(hn::Div(s2, divisor), d, row.scores + c + 2 * lanes);
    hn::StoreU(hn::Div(s3, divisor), d, row.scores + c + 3 * lanes);
  }
  for (; c < row.width; ++c) {
    row.scores[c] = ScoreOne<kMeasure>(row, c, c + 1, finite);
  }
  return finite.AllFinite();
}

template <Measure kMeasure>
bool ScoreFourColumns(const BlockRow& row) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const auto divisor = hn::Set(d, static_cast<float>(4 * row.rows));
  FiniteCheck finite;
  size_t c = 0;
  for (; c + 4 * lanes <= row.width; c += 4 * lanes) {
    auto sum = hn::Zero(d);
    for (size_t r = 0; r < row.rows; ++r) {
      FloatVec v0, v1, v2, v3;
      hn::LoadInterleaved4(d, row.values + r * row.width + c, v0, v1, v2, v3);
      finite.Add(v0);
      finite.Add(v1);
      finite.Add(v2);
      finite.Add(v3);
      const auto left = hn::Add(Measured<kMeasure>(v0), Measured<kMeasure>(v1));
      const auto right =
          hn::Add(Measured<kMeasure>(v2), Measured<kMeasure>(v3));
      sum = hn::Add(sum, hn::Add(left, right));
    }
    hn::StoreU(hn::Div(sum, divisor), d, row.scores + c / 4);
  }
  for (; c < row.width; c += 4) {
    row.scores[c / 4] = ScoreFour<kMeasure>(row, c, finite);
  }
  return finite.AllFinite();
}

template <Measure kMeasure>
bool ScoreColumns(const BlockRow& row, size_t cols) {
  if (cols == 1) {
    return ScoreSingleColumns<kMeasure>(row);
  }
  if (cols == 4) {
    return ScoreFourColumns<kMeasure>(row);
  }
  FiniteCheck finite;
  float* score = row.scores;
  for (size_t c = 0; c < row.width; c += cols) {
    const size_t end = std::min(c + cols, row.width);
    *score++ = ScoreOne<kMeasure>(row, c, end, finite);
  }
  return finite.AllFinite();
}

bool BlockScores(
    const float* values,
    size_t rows,
    size_t width,
    size_t cols,
    Measure measure,
    float* scores) {
  const BlockRow row{values, rows, width, scores};
  switch (measure) {
    case Measure::kValue:
      return ScoreColumns<Measure::kValue>(row, cols);
    case Measure::kMagnitude:
      return ScoreColumns<Measure::kMagnitude>(row, cols);
    case Measure::kSquare:
      return ScoreColumns<Measure::kSquare>(row, cols);
  }
  return false;
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(BlockScores);

bool block_scores(
    const float* values,
    size_t rows,
    size_t width,
    size_t cols,
    Measure measure,
    float* scores) {
  return HWY_DYNAMIC_DISPATCH(BlockScores)(
      values, rows, width, cols, measure, scores);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
