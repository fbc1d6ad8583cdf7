#include "kernels/count.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/count.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/order-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

size_t CountZeros(const float* HWY_RESTRICT values, size_t count) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const auto zero = hn::Zero(d);
  size_t zeros = 0;
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    zeros += hn::CountTrue(d, hn::Eq(hn::LoadU(d, values + i), zero));
  }
  for (; i < count; ++i) {
    zeros += values[i] == 0.0f;
  }
  return zeros;
}

bool AllFinite(const float* HWY_RESTRICT values, size_t count) {
  const Floats d;
  const Ints di;
  const size_t lanes = hn::Lanes(d);
  auto highest = hn::Zero(di);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    highest = hn::Max(highest, MagnitudeKeys(hn::LoadU(d, values + i)));
  }
  bool finite = hn::GetLane(hn::MaxOfLanes(di, highest)) < kInfinityKey;
  for (; i < count; ++i) {
    finite &= order_key(values[i], Order::kMagnitude) < kInfinityKey;
  }
  return finite;
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(CountZeros);
HWY_EXPORT(AllFinite);

size_t count_zeros(const float* values, size_t count) {
  return HWY_DYNAMIC_DISPATCH(CountZeros)(values, count);
}

bool all_finite(const float* values, size_t count) {
  return HWY_DYNAMIC_DISPATCH(AllFinite)(values, count);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
