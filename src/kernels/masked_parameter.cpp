#include "kernels/masked_parameter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/masked_parameter.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Bytes = hn::Rebind<uint8_t, Floats>;
using Words = hn::RebindToUnsigned<Floats>;

/// True in the lanes whose byte is not 0.
HWY_INLINE hn::Mask<Floats> Kept(const uint8_t* mask) {
  const Words words;
  const auto bytes = hn::PromoteTo(words, hn::LoadU(Bytes(), mask));
  return hn::RebindMask(Floats(), hn::Ne(bytes, hn::Zero(words)));
}

/// Whether any of the elements that `mask` drops is not zero.
bool HasDropped(const float* parameter, const uint8_t* mask, size_t count) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  auto found = hn::MaskFromVec(hn::Zero(d));
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    // Not Ne: on AVX it is false for NaN.
    const auto zero = hn::Eq(hn::LoadU(d, parameter + i), hn::Zero(d));
    found = hn::Or(found, hn::Not(hn::Or(zero, Kept(mask + i))));
  }
  bool any = !hn::AllFalse(d, found);
  for (; i < count; ++i) {
    any |= mask[i] == 0 && parameter[i] != 0;
  }
  return any;
}

void MaskGradient(float* gradient, const uint8_t* mask, size_t count) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto values = hn::LoadU(d, gradient + i);
    hn::StoreU(hn::IfThenElseZero(Kept(mask + i), values), d, gradient + i);
  }
  for (; i < count; ++i) {
    gradient[i] = mask[i] != 0 ? gradient[i] : 0.0f;
  }
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(HasDropped);
HWY_EXPORT(MaskGradient);

namespace {

/// Elements compared before any is written: a few cache lines.
constexpr size_t kPiece = 256;

} // namespace

bool absorb_writes(
    float* parameter,
    float* dropped,
    const uint8_t* mask,
    size_t count) {
  const auto has_dropped = HWY_DYNAMIC_DISPATCH(HasDropped);
  bool any = false;
  for (size_t begin = 0; begin < count; begin += kPiece) {
    const size_t end = std::min(begin + kPiece, count);
    if (!has_dropped(parameter + begin, mask + begin, end - begin)) {
      continue;
    }
    any = true;
    for (size_t i = begin; i < end; ++i) {
      if (mask[i] == 0 && parameter[i] != 0) {
        dropped[i] = std::exchange(parameter[i], 0.0f);
      }
    }
  }
  return any;
}

bool change_mask(
    float* parameter,
    float* dropped,
    const uint8_t* old_mask,
    const uint8_t* new_mask,
    size_t count) {
  bool changed = false;
  for (size_t begin = 0; begin < count; begin += kPiece) {
    const size_t end = std::min(begin + kPiece, count);
    if (std::memcmp(old_mask + begin, new_mask + begin, end - begin) == 0) {
      continue;
    }
    changed = true;
    for (size_t i = begin; i < end; ++i) {
      if (old_mask[i] != new_mask[i]) {
        auto& from = new_mask[i] != 0 ? dropped[i] : parameter[i];
        auto& to = new_mask[i] != 0 ? parameter[i] : dropped[i];
        to = std::exchange(from, 0.0f);
      }
    }
  }
  return changed;
}

void mask_gradient(float* gradient, const uint8_t* mask, size_t count) {
  HWY_DYNAMIC_DISPATCH(MaskGradient)(gradient, mask, count);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
