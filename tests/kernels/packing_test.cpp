// The packed bytes do not depend on how the work is divided.

#include "kernels/packing.h"

#include <gtest/gtest.h>

#include <thread>

#include "kernels/bitmask_columns.h"
#include "kernels/bitmask_rows.h"
#include "kernels/compressed_rows.h"
#include "kernels/dense.h"
#include "kernels/input_blocks.h"
#include "kernels/input_columns.h"
#include "kernels/output_blocks.h"
#include "kernels/pattern_panels.h"
#include "kernels/sorted_rows.h"
#include "support/products.h"

namespace coppice::kernels::packing_test {
namespace {

using testing::kDtypes;
using testing::Problem;

/// Seven ranges, some empty, each on its own thread, in reverse order.
void seven_threads(size_t count, const std::function<void(Range)>& body) {
  std::vector<std::thread> threads;
  for (size_t part = 7; part-- > 0;) {
    threads.emplace_back(body, even_range(count, part, 7));
  }
  for (auto& thread : threads) {
    thread.join();
  }
}

template <class T>
std::string bytes_of(const T* values, size_t count) {
  return {reinterpret_cast<const char*>(values), count * sizeof(T)};
}
std::string bytes_of(const Values& values) {
  std::string bytes;
  values.visit([&](const auto* v) { bytes = bytes_of(v, values.size()); });
  return bytes;
}
template <class T>
std::string bytes_of(const Buffer<T>& buffer) {
  return bytes_of(buffer.data(), buffer.size());
}
template <class... Parts>
std::string bytes_of_all(const Parts&... parts) {
  return (bytes_of(parts) + ...);
}

std::string bytes_of(const DenseRows& w) {
  return bytes_of(w.values);
}
std::string bytes_of(const BitmaskRows& w) {
  return bytes_of_all(w.mask, w.values, w.begins);
}
std::string bytes_of(const CompressedRows& w) {
  return bytes_of_all(w.columns, w.values, w.begins);
}
std::string bytes_of(const InputColumns& w) {
  return bytes_of(w.values);
}
std::string bytes_of(const BitmaskColumns& w) {
  return bytes_of_all(w.mask, w.values, w.begins);
}
std::string bytes_of(const InputBlocks& w) {
  return bytes_of_all(w.blocks, w.values, w.begins);
}
std::string bytes_of(const OutputBlocks& w) {
  return bytes_of_all(w.columns, w.values, w.begins);
}
std::string bytes_of(const PatternPanels& w) {
  return bytes_of_all(w.cells, w.columns, w.values, w.begins);
}
std::string bytes_of(const SortedRows& w) {
  return bytes_of_all(w.cells, w.runs, w.order, w.columns, w.values, w.begins);
}

/// `pack(packing)` packs the weight.
template <class Pack>
void expect_equal_bytes(const char* format, Pack pack) {
  for (const auto dtype : kDtypes) {
    const auto bytes = bytes_of(pack(Packing{dtype}));
    EXPECT_EQ(bytes_of(pack(Packing{dtype, seven_threads})), bytes) << format;
  }
}

TEST(Packing, GivesEqualBytesOnAnyThreads) {
  for (const auto& shape : testing::kOddShapes) {
    const size_t rows = shape.rows;
    const size_t cols = shape.cols;
    const auto p = Problem(rows, cols, 0).drop(0.6);
    const float* w = p.w.data();
    expect_equal_bytes("dense", [&](const Packing& how) {
      return pack_dense_rows(w, rows, cols, how);
    });
    expect_equal_bytes("bitmask rows", [&](const Packing& how) {
      return pack_bitmask_rows(w, rows, cols, how);
    });
    expect_equal_bytes("compressed rows", [&](const Packing& how) {
      return pack_compressed_rows(w, rows, cols, how);
    });
    expect_equal_bytes("input columns", [&](const Packing& how) {
      return pack_input_columns(w, rows, cols, how);
    });
    expect_equal_bytes("bitmask columns", [&](const Packing& how) {
      return pack_bitmask_columns(w, rows, cols, how);
    });
    expect_equal_bytes("input blocks", [&](const Packing& how) {
      return pack_input_blocks(w, rows, cols, 4, how);
    });
    expect_equal_bytes("output blocks", [&](const Packing& how) {
      return pack_output_blocks(w, rows, cols, 4, how);
    });
    expect_equal_bytes("pattern panels", [&](const Packing& how) {
      return pack_pattern_panels(w, rows, cols, 50, how);
    });
    expect_equal_bytes("sorted rows", [&](const Packing& how) {
      return pack_sorted_rows(w, rows, cols, 50, how);
    });
  }
}

TEST(Packing, TakesHalfTheBytesAsBFloat16) {
  const auto p = Problem(16, 64, 0);
  const auto bytes = [&](Dtype dtype) {
    return pack_dense_rows(p.w.data(), 16, 64, {dtype}).values.nbytes();
  };
  EXPECT_EQ(bytes(Dtype::Float32), 16u * 64 * 4);
  EXPECT_EQ(bytes(Dtype::BFloat16), 16u * 64 * 2);
}

} // namespace
} // namespace coppice::kernels::packing_test
