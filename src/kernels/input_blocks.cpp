#include "kernels/input_blocks.h"

#include <algorithm>

#include "kernels/flush_denormals.h"
#include "kernels/stored.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/input_blocks.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Adds the product of one block and its inputs.
template <size_t kWidth, class D, class Value>
HWY_INLINE void
AddBlock(D d, const Value* block, const float* x, hn::Vec<D>* sums) {
  constexpr size_t kLanes = hn::MaxLanes(D());
  COPPICE_UNROLL
  for (size_t v = 0; v < kWidth / kLanes; ++v) {
    const auto weights = LoadWeights(d, block + v * kLanes);
    sums[v] = hn::MulAdd(weights, hn::LoadU(d, x + v * kLanes), sums[v]);
  }
}

/// The dot product of x and the whole blocks of a row.
template <size_t kWidth, class Value>
HWY_INLINE float RowTimes(
    const Value* HWY_RESTRICT values,
    const uint16_t* HWY_RESTRICT blocks,
    size_t count,
    const float* HWY_RESTRICT x) {
  using D = hn::CappedTag<float, kWidth>;
  const D d;
  constexpr size_t kVectors = kWidth / hn::MaxLanes(D());
  // Independent accumulators hide the latency of the multiply-add.
  constexpr size_t kSets = kVectors >= 8 ? 1 : 8 / kVectors;
  hn::Vec<D> sums[kSets * kVectors];
  COPPICE_UNROLL
  for (size_t i = 0; i < kSets * kVectors; ++i) {
    sums[i] = hn::Zero(d);
  }
  const uint16_t* end = blocks + count;
  for (; blocks + kSets <= end; blocks += kSets) {
    COPPICE_UNROLL
    for (size_t s = 0; s < kSets; ++s) {
      AddBlock<kWidth>(
          d, values + s * kWidth, x + blocks[s] * kWidth, sums + s * kVectors);
    }
    values += kSets * kWidth;
  }
  for (; blocks < end; ++blocks, values += kWidth) {
    AddBlock<kWidth>(d, values, x + *blocks * kWidth, sums);
  }
  return SumOf(d, SumOfSets<kSets * kVectors, 1>(d, sums));
}

/// The dot product of the last block of a row, if that is partial.
template <class Value>
float PartialBlockTimes(
    const InputBlocks& w,
    const Value* values,
    size_t row,
    const float* x) {
  const uint64_t last = w.begins[row + 1] - 1;
  const size_t first = w.blocks[last] * w.width;
  float sum = 0;
  for (size_t c = first; c < w.cols; ++c) {
    const float weight = to_float(values[last * w.width + c - first]);
    sum = MulAddOne(weight, x[c], sum);
  }
  return sum;
}

template <size_t kWidth, class Value>
void MultiplyRows(
    const InputBlocks& w,
    const Value* values,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  const size_t whole = w.cols / kWidth;
  for (size_t r = range.begin; r < range.end; ++r) {
    const uint64_t begin = w.begins[r];
    const uint64_t end = w.begins[r + 1];
    const bool is_partial = begin < end && w.blocks[end - 1] == whole;
    const float start = bias ? bias[r] : 0.0f;
    const float sum = RowTimes<kWidth>(
        values + begin * kWidth,
        w.blocks.data() + begin,
        end - begin - is_partial,
        x);
    y[r] =
        start + (is_partial ? sum + PartialBlockTimes(w, values, r, x) : sum);
  }
}

void InputBlocksProduct(
    const InputBlocks& w,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  w.values.visit([&](const auto* values) {
    switch (w.width) {
      case 4:
        return MultiplyRows<4>(w, values, x, bias, range, y);
      case 8:
        return MultiplyRows<8>(w, values, x, bias, range, y);
      default:
        return MultiplyRows<16>(w, values, x, bias, range, y);
    }
  });
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(InputBlocksProduct);

void input_blocks_product(
    const InputBlocks& w,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  const FlushDenormals flush;
  HWY_DYNAMIC_DISPATCH(InputBlocksProduct)(w, x, bias, range, y);
}

InputBlocks pack_input_blocks(
    const float* w,
    size_t rows,
    size_t cols,
    size_t width,
    const Packing& packing) {
  const IsStored is_stored(packing.dtype);
  // Calls `body(block, weights, number of weights)` for each stored block of a
  // row.
  const auto for_each_block = [&](size_t r, const auto& body) {
    for (size_t c = 0; c < cols; c += width) {
      const float* block = w + r * cols + c;
      const size_t real = std::min(width, cols - c);
      if (is_stored.bits(block, real) != 0) {
        body(c / width, block, real);
      }
    }
  };
  InputBlocks packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.width = width;
  packed.begins = begins_of(packing, rows, [&](size_t r) {
    uint64_t count = 0;
    for_each_block(r, [&](size_t, const float*, size_t) { ++count; });
    return count;
  });
  packed.blocks.resize(packed.begins.back());
  packed.values = Values(packing.dtype, packed.begins.back() * width);
  packed.values.visit([&](auto* values) {
    for_each(packing, rows, [&](size_t r) {
      uint64_t next = packed.begins[r];
      for_each_block(r, [&](size_t block, const float* weights, size_t real) {
        packed.blocks[next] = static_cast<uint16_t>(block);
        for (size_t i = 0; i < width; ++i) {
          store(i < real ? weights[i] : 0.0f, values + next * width + i);
        }
        ++next;
      });
    });
  });
  return packed;
}

void unpack(const InputBlocks& w, float* dense) {
  std::fill(dense, dense + w.rows * w.cols, 0.0f);
  w.values.visit([&](const auto* values) {
    for (size_t r = 0; r < w.rows; ++r) {
      for (uint64_t b = w.begins[r]; b < w.begins[r + 1]; ++b) {
        const size_t first = w.blocks[b] * w.width;
        for (size_t i = 0; i < std::min(w.width, w.cols - first); ++i) {
          dense[r * w.cols + first + i] = to_float(values[b * w.width + i]);
        }
      }
    }
  });
}

} // namespace coppice::kernels
#endif // HWY_ONCE
