#include "kernels/add.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/add.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void AddTo(float* sums, const float* values, size_t count) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto sum = hn::Add(hn::LoadU(d, sums + i), hn::LoadU(d, values + i));
    hn::StoreU(sum, d, sums + i);
  }
  for (; i < count; ++i) {
    sums[i] += values[i];
  }
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(AddTo);

void add_to(float* sums, const float* values, size_t count) {
  HWY_DYNAMIC_DISPATCH(AddTo)(sums, values, count);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
