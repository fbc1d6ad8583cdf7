#include "kernels/admm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/admm.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;

/// True in the lanes whose byte is not 0.
HWY_INLINE hn::Mask<Floats> IsKept(const uint8_t* mask) {
  const hn::RebindToSigned<Floats> words;
  const hn::Rebind<uint8_t, Floats> bytes;
  const auto kept = hn::PromoteTo(words, hn::LoadU(bytes, mask));
  return hn::RebindMask(Floats(), hn::Gt(kept, hn::Zero(words)));
}

void AdmmRightSide(
    const float* right,
    const float* state,
    const uint8_t* mask,
    float kept,
    float dropped,
    size_t count,
    float* to) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const auto of_kept = hn::Set(d, kept);
  const auto of_dropped = hn::Set(d, dropped);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto factor = hn::IfThenElse(IsKept(mask + i), of_kept, of_dropped);
    const auto more = hn::Mul(factor, hn::LoadU(d, state + i));
    hn::StoreU(hn::Add(hn::LoadU(d, right + i), more), d, to + i);
  }
  for (; i < count; ++i) {
    to[i] = right[i] + (mask[i] ? kept : dropped) * state[i];
  }
}

void AdmmUpdate(
    const float* fitted,
    const uint8_t* mask,
    float ratio,
    size_t count,
    float* state,
    float* squares) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const auto factor = hn::Set(d, ratio);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto dual = hn::Mul(factor, hn::LoadU(d, state + i));
    const auto sum = hn::Add(
        hn::LoadU(d, fitted + i), hn::IfThenZeroElse(IsKept(mask + i), dual));
    hn::StoreU(sum, d, state + i);
    hn::StoreU(hn::Mul(sum, sum), d, squares + i);
  }
  for (; i < count; ++i) {
    state[i] = fitted[i] + (mask[i] ? 0.0f : ratio * state[i]);
    squares[i] = state[i] * state[i];
  }
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(AdmmRightSide);
HWY_EXPORT(AdmmUpdate);

void admm_right_side(
    const float* right,
    const float* state,
    const uint8_t* mask,
    float kept,
    float dropped,
    size_t count,
    float* to) {
  HWY_DYNAMIC_DISPATCH(AdmmRightSide)
  (right, state, mask, kept, dropped, count, to);
}

void admm_update(
    const float* fitted,
    const uint8_t* mask,
    float ratio,
    size_t count,
    float* state,
    float* squares) {
  HWY_DYNAMIC_DISPATCH(AdmmUpdate)(fitted, mask, ratio, count, state, squares);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
