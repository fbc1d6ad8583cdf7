#include "kernels/output_blocks.h"

#include <algorithm>

#include "kernels/flush_denormals.h"
#include "kernels/stored.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/output_blocks.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// One panel and some inputs.
template <class Value>
struct PanelTask {
  const Value* values;
  const uint16_t* columns;
  size_t blocks;
  const float* x;
  size_t x_stride;   ///< Between the inputs of columns.
  const float* bias; ///< Of the first row; may be null.
  size_t rows;       ///< Rows that exist.
  float* y;
  size_t y_stride; ///< Between rows of the batch.
};

/// How a panel of `kHeight` rows is divided into vectors.
template <size_t kHeight>
struct Layout {
  using D = hn::CappedTag<float, kHeight>;
  static constexpr size_t kLanes = hn::MaxLanes(D());
  static constexpr size_t kVectors = kHeight / kLanes;
};

/// Adds the product of one block and `kBatch` inputs.
template <size_t kHeight, size_t kBatch, class Value>
HWY_INLINE void AddBlock(
    const Value* block,
    const float* x,
    hn::Vec<typename Layout<kHeight>::D>* sums) {
  using L = Layout<kHeight>;
  const typename L::D d;
  COPPICE_UNROLL
  for (size_t v = 0; v < L::kVectors; ++v) {
    const auto weights = LoadWeights(d, block + v * L::kLanes);
    COPPICE_UNROLL
    for (size_t n = 0; n < kBatch; ++n) {
      auto& sum = sums[n * L::kVectors + v];
      sum = hn::MulAdd(weights, hn::Set(d, x[n]), sum);
    }
  }
}

/// Writes the sums of a panel for one input, plus the bias, to the rows of y
/// that exist. There are `kSets` sets of sums, `kStride` apart.
template <size_t kHeight, size_t kSets, size_t kStride, class Value>
HWY_INLINE void StorePanel(
    const PanelTask<Value>& task,
    const hn::Vec<typename Layout<kHeight>::D>* sums,
    float* y) {
  using L = Layout<kHeight>;
  const typename L::D d;
  const bool whole = task.rows == kHeight;
  HWY_ALIGN float column[kHeight] = {};
  float* to = whole ? y : column;
  COPPICE_UNROLL
  for (size_t v = 0; v < L::kVectors; ++v) {
    auto sum = SumOfSets<kSets, kStride>(d, sums + v);
    if (whole && task.bias) {
      sum = hn::Add(sum, hn::LoadU(d, task.bias + v * L::kLanes));
    }
    hn::StoreU(sum, d, to + v * L::kLanes);
  }
  for (size_t r = 0; !whole && r < task.rows; ++r) {
    y[r] = column[r] + (task.bias ? task.bias[r] : 0.0f);
  }
}

/// Prefetches a block to come: into L2 where each block takes many cycles. For
/// a single input's float32 weights the hardware prefetcher is best.
template <size_t kHeight, size_t kBatch, class Value>
HWY_INLINE void PrefetchBlock(size_t s, const Value* block) {
  if constexpr (kBatch > 1) {
    PrefetchAhead<kHeight, 4096, CacheLevel::kL2>(s, block);
  } else if constexpr (sizeof(Value) < sizeof(float)) {
    PrefetchAhead<kHeight, 4096>(s, block);
  }
}

/// The product of a panel and `kBatch` contiguous inputs.
template <size_t kHeight, size_t kBatch, class Value>
void MultiplyPanel(const PanelTask<Value>& task) {
  using L = Layout<kHeight>;
  // With few inputs, blocks alternate between accumulators, which hides the
  // latency of the multiply-add.
  constexpr size_t kSums = kBatch * L::kVectors;
  constexpr size_t kSets = kSums >= 8 ? 1 : 8 / kSums;
  hn::Vec<typename L::D> sums[kSets * kSums];
  COPPICE_UNROLL
  for (size_t i = 0; i < kSets * kSums; ++i) {
    sums[i] = hn::Zero(typename L::D());
  }
  const Value* HWY_RESTRICT values = task.values;
  const uint16_t* HWY_RESTRICT columns = task.columns;
  const uint16_t* end = columns + task.blocks;
  for (; columns + kSets <= end; columns += kSets) {
    COPPICE_UNROLL
    for (size_t s = 0; s < kSets; ++s) {
      PrefetchBlock<kHeight, kBatch>(s, values + s * kHeight);
      AddBlock<kHeight, kBatch>(
          values + s * kHeight,
          task.x + columns[s] * task.x_stride,
          sums + s * kSums);
    }
    values += kSets * kHeight;
  }
  for (; columns < end; ++columns, values += kHeight) {
    AddBlock<kHeight, kBatch>(values, task.x + *columns * task.x_stride, sums);
  }
  COPPICE_UNROLL
  for (size_t n = 0; n < kBatch; ++n) {
    StorePanel<kHeight, kSets, kSums>(
        task, sums + n * L::kVectors, task.y + n * task.y_stride);
  }
}

/// The largest number of inputs whose sums stay in registers.
template <size_t kHeight>
constexpr size_t MostInputs() {
  return HWY_MIN(16, HWY_MAX(1, kSumRegisters / Layout<kHeight>::kVectors));
}

/// The product of a panel and `batch` inputs, as many at a time as registers
/// hold. Advances `task` itself: loads from a fresh copy would stall on store
/// forwarding (wide loads of narrow stores), behind stores to y that miss the
/// cache.
template <size_t kHeight, size_t kBatch = MostInputs<kHeight>(), class Value>
void MultiplyInputs(PanelTask<Value>& task, size_t batch) {
  while (batch >= kBatch) {
    MultiplyPanel<kHeight, kBatch>(task);
    batch -= kBatch;
    task.x += kBatch;
    task.y += kBatch * task.y_stride;
  }
  if constexpr (kBatch > 1) {
    if (batch > 0) {
      MultiplyInputs<kHeight, kBatch / 2>(task, batch);
    }
  }
}

/// The panels in `range` times a tile of the batch; the inputs of successive
/// columns are `width` apart.
template <size_t kHeight, class Value>
void MultiplyTile(
    const OutputBlocks& w,
    const Value* values,
    const float* x,
    size_t width,
    size_t batch,
    const float* bias,
    Range range,
    float* y) {
  for (size_t p = range.begin; p < range.end; ++p) {
    const size_t row = p * kHeight;
    const uint64_t begin = w.begins[p];
    PanelTask<Value> task{
        values + begin * kHeight,
        w.columns.data() + begin,
        w.begins[p + 1] - begin,
        x,
        width,
        bias ? bias + row : nullptr,
        std::min(kHeight, w.rows - row),
        y + row,
        w.rows};
    MultiplyInputs<kHeight>(task, batch);
  }
}

template <size_t kHeight, class Value>
void MultiplyBatch(
    const OutputBlocks& w,
    const Value* values,
    const float* x,
    size_t batch,
    const float* bias,
    Range range,
    float* y) {
  if (batch == 1) {
    return MultiplyTile<kHeight>(w, values, x, 1, 1, bias, range, y);
  }
  ForEachTile(batch, w.cols, [&](size_t first, size_t width, size_t offset) {
    MultiplyTile<kHeight>(
        w,
        values,
        x + offset,
        width,
        std::min(width, batch - first),
        bias,
        range,
        y + first * w.rows);
  });
}

void OutputBlocksProduct(
    const OutputBlocks& w,
    const float* x,
    size_t batch,
    const float* bias,
    Range range,
    float* y) {
  w.values.visit([&](const auto* values) {
    switch (w.height) {
      case 4:
        return MultiplyBatch<4>(w, values, x, batch, bias, range, y);
      case 8:
        return MultiplyBatch<8>(w, values, x, batch, bias, range, y);
      default:
        return MultiplyBatch<16>(w, values, x, batch, bias, range, y);
    }
  });
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(OutputBlocksProduct);

void output_blocks_product(
    const OutputBlocks& w,
    const float* x,
    size_t batch,
    const float* bias,
    Range panels,
    float* y) {
  const FlushDenormals flush;
  HWY_DYNAMIC_DISPATCH(OutputBlocksProduct)(w, x, batch, bias, panels, y);
}

OutputBlocks pack_output_blocks(
    const float* w,
    size_t rows,
    size_t cols,
    size_t height,
    const Packing& packing) {
  OutputBlocks packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.height = height;
  packed.panels = (rows + height - 1) / height;
  const IsStored is_stored(packing.dtype);
  // Calls `body(column, weights, number of weights)` for each stored block of a
  // panel.
  const auto for_each_block = [&](size_t panel, const auto& body) {
    const size_t row = panel * height;
    const size_t real = std::min(height, rows - row);
    for (size_t c = 0; c < cols; ++c) {
      const float* block = w + row * cols + c;
      if (is_stored.bits(block, real, cols) != 0) {
        body(c, block, real);
      }
    }
  };
  packed.begins = begins_of(packing, packed.panels, [&](size_t panel) {
    uint64_t count = 0;
    for_each_block(panel, [&](size_t, const float*, size_t) { ++count; });
    return count;
  });
  packed.columns.resize(packed.begins.back());
  packed.values = Values(packing.dtype, packed.begins.back() * height);
  packed.values.visit([&](auto* values) {
    for_each(packing, packed.panels, [&](size_t panel) {
      uint64_t next = packed.begins[panel];
      for_each_block(panel, [&](size_t c, const float* block, size_t real) {
        packed.columns[next] = static_cast<uint16_t>(c);
        for (size_t r = 0; r < height; ++r) {
          const float value = r < real ? block[r * cols] : 0.0f;
          store(value, values + next * height + r);
        }
        ++next;
      });
    });
  });
  return packed;
}

void unpack(const OutputBlocks& w, float* dense) {
  std::fill(dense, dense + w.rows * w.cols, 0.0f);
  w.values.visit([&](const auto* values) {
    for (size_t p = 0; p < w.panels; ++p) {
      const size_t row = p * w.height;
      for (uint64_t b = w.begins[p]; b < w.begins[p + 1]; ++b) {
        for (size_t r = 0; r < std::min(w.height, w.rows - row); ++r) {
          dense[(row + r) * w.cols + w.columns[b]] =
              to_float(values[b * w.height + r]);
        }
      }
    }
  });
}

} // namespace coppice::kernels
#endif // HWY_ONCE
