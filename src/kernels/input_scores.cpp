#include "kernels/input_scores.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/input_scores.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/order-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE float ScoreOne(float weight, float scale, InputScore score) {
  const float product = std::fabs(weight) * scale;
  if (score.zeros_lowest && weight == 0) {
    return -1;
  }
  return score.squared ? product * product : product;
}

bool ScoreInputs(
    const float* weight,
    const float* scale,
    size_t count,
    InputScore score,
    float* scores) {
  const Floats d;
  const Ints di;
  const size_t lanes = hn::Lanes(d);
  auto highest = hn::Zero(di);
  const auto lowest = hn::Set(d, -1.0f);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto w = hn::LoadU(d, weight + i);
    highest = hn::Max(highest, MagnitudeKeys(w));
    auto s = hn::Mul(hn::Abs(w), hn::LoadU(d, scale + i));
    if (score.squared) {
      s = hn::Mul(s, s);
    }
    if (score.zeros_lowest) {
      s = hn::IfThenElse(hn::Eq(w, hn::Zero(d)), lowest, s);
    }
    hn::StoreU(s, d, scores + i);
  }
  bool finite = hn::GetLane(hn::MaxOfLanes(di, highest)) < kInfinityKey;
  for (; i < count; ++i) {
    finite &= order_key(weight[i], Order::kMagnitude) < kInfinityKey;
    scores[i] = ScoreOne(weight[i], scale[i], score);
  }
  return finite;
}

template <bool kDropZeros, class Byte>
HWY_INLINE void
KeepSome(const float* from, size_t count, Byte* mask, float* to) {
  const Floats d;
  const Ints di;
  const hn::Rebind<uint8_t, Ints> bytes;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto w = hn::LoadU(d, from + i);
    auto kept = hn::PromoteTo(di, hn::LoadU(bytes, mask + i));
    if constexpr (kDropZeros) {
      const auto zero = hn::RebindMask(di, hn::Eq(w, hn::Zero(d)));
      kept = hn::IfThenZeroElse(zero, kept);
      hn::StoreU(hn::DemoteTo(bytes, kept), bytes, mask + i);
    }
    const auto keep = hn::RebindMask(d, hn::Gt(kept, hn::Zero(di)));
    hn::StoreU(hn::IfThenElseZero(keep, w), d, to + i);
  }
  for (; i < count; ++i) {
    if constexpr (kDropZeros) {
      mask[i] &= from[i] != 0;
    }
    to[i] = mask[i] ? from[i] : 0.0f;
  }
}

void KeepWeights(
    const float* from,
    size_t count,
    const uint8_t* mask,
    float* to) {
  KeepSome<false>(from, count, mask, to);
}

void KeepWeightsButZeros(
    const float* from,
    size_t count,
    uint8_t* mask,
    float* to) {
  KeepSome<true>(from, count, mask, to);
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(ScoreInputs);
HWY_EXPORT(KeepWeights);
HWY_EXPORT(KeepWeightsButZeros);

bool score_inputs(
    const float* weight,
    const float* scale,
    size_t count,
    InputScore score,
    float* scores) {
  return HWY_DYNAMIC_DISPATCH(ScoreInputs)(weight, scale, count, score, scores);
}

void keep_weights(
    const float* from,
    size_t count,
    const uint8_t* mask,
    float* to) {
  HWY_DYNAMIC_DISPATCH(KeepWeights)(from, count, mask, to);
}

void keep_weights_but_zeros(
    const float* from,
    size_t count,
    uint8_t* mask,
    float* to) {
  HWY_DYNAMIC_DISPATCH(KeepWeightsButZeros)(from, count, mask, to);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
