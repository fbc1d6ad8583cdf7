#include "sparse/patches.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace coppice::sparse {
namespace {

/// Consecutive output pixels of one row.
struct Run {
  int64_t image;
  int64_t row;
  int64_t column; ///< Column of its first pixel.
  int64_t count;
};

/// Splits pixels into runs at row ends.
void list_runs(
    const Patches& patches,
    size_t first,
    size_t count,
    std::vector<Run>& runs) {
  runs.clear();
  const auto end = static_cast<int64_t>(first + count);
  for (auto pixel = static_cast<int64_t>(first); pixel < end;) {
    const int64_t row = pixel / patches.out_width;
    const int64_t column = pixel % patches.out_width;
    const int64_t in_row = std::min(patches.out_width - column, end - pixel);
    runs.push_back(
        {row / patches.out_height, row % patches.out_height, column, in_row});
    pixel += in_row;
  }
}

/// For one kernel column: the output columns [begin, end) that read inside the
/// image, and the input column that output column 0 reads.
struct ValidColumns {
  int64_t begin;
  int64_t end;
  int64_t offset;
};

ValidColumns valid_columns(const Patches& patches, int64_t kernel_column) {
  const int64_t stride = patches.steps.stride[1];
  const int64_t offset =
      kernel_column * patches.steps.dilation[1] - patches.steps.padding[1];
  const auto up = [&](int64_t value) {
    return value <= 0 ? 0 : (value + stride - 1) / stride;
  };
  return {up(-offset), up(patches.width - offset), offset};
}

void copy_pixels(
    const float* from,
    int64_t from_step,
    int64_t count,
    float* to,
    size_t to_step) {
  if (from_step == 1 && to_step == 1) {
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    to[static_cast<size_t>(i) * to_step] = from[i * from_step];
  }
}

void zero_pixels(int64_t count, float* to, size_t to_step) {
  for (int64_t i = 0; i < count; ++i) {
    to[static_cast<size_t>(i) * to_step] = 0;
  }
}

/// One column of the patches for one run. `row` is the input row, null above
/// and below the image.
void write_run(
    const Patches& patches,
    const Run& run,
    const ValidColumns& valid,
    const float* row,
    float* to,
    size_t step) {
  const int64_t last = run.column + run.count;
  const int64_t begin = std::clamp(valid.begin, run.column, last);
  const int64_t end = row ? std::clamp(valid.end, begin, last) : begin;
  const auto at = [&](int64_t column) {
    return to + static_cast<size_t>(column - run.column) * step;
  };
  zero_pixels(begin - run.column, to, step);
  if (begin < end) {
    const int64_t x_step = patches.x_strides[3];
    const int64_t from = begin * patches.steps.stride[1] + valid.offset;
    copy_pixels(
        row + from * x_step,
        patches.steps.stride[1] * x_step,
        end - begin,
        at(begin),
        step);
  }
  zero_pixels(last - end, at(end), step);
}

/// One column of the patches: a channel and a position in the kernel.
void write_column(
    const Patches& patches,
    const std::vector<Run>& runs,
    const float* channel,
    int64_t kernel_row,
    int64_t kernel_column,
    float* to,
    size_t step) {
  const auto valid = valid_columns(patches, kernel_column);
  const int64_t offset =
      kernel_row * patches.steps.dilation[0] - patches.steps.padding[0];
  for (const auto& run : runs) {
    const int64_t y = run.row * patches.steps.stride[0] + offset;
    const float* row = y < 0 || y >= patches.height
        ? nullptr
        : channel + run.image * patches.x_strides[0] + y * patches.x_strides[2];
    write_run(patches, run, valid, row, to, step);
    to += static_cast<size_t>(run.count) * step;
  }
}

} // namespace

void write_patches(
    const Patches& patches,
    size_t first,
    size_t count,
    float* to,
    size_t column_step,
    size_t pixel_step) {
  thread_local std::vector<Run> runs;
  list_runs(patches, first, count, runs);
  for (int64_t c = 0; c < patches.channels; ++c) {
    const float* channel = patches.x + c * patches.x_strides[1];
    for (int64_t i = 0; i < patches.kernel_height; ++i) {
      for (int64_t j = 0; j < patches.kernel_width; ++j) {
        write_column(patches, runs, channel, i, j, to, pixel_step);
        to += column_step;
      }
    }
  }
}

} // namespace coppice::sparse
