#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "kernels/buffer.h"
#include "kernels/dense_contenders.h"

namespace coppice::bench {

using Buffer = kernels::Buffer<float>;

/// The height and width of blocks called "4x1"; 1x1 for "2:4".
struct Block {
  size_t height = 1;
  size_t width = 1;
};

inline Block block_of(const std::string& pattern) {
  Block block;
  if (pattern.find('x') != std::string::npos) {
    std::sscanf(pattern.c_str(), "%zux%zu", &block.height, &block.width);
  }
  return block;
}

/// A weight [rows, cols] of which `sparsity` of the blocks of `pattern` are
/// dropped; half of the weights for "2:4".
inline Buffer sparse_weight(
    size_t rows,
    size_t cols,
    const std::string& pattern,
    double sparsity) {
  std::mt19937 random(1234);
  Buffer w(rows * cols);
  for (float& value : w) {
    value = static_cast<float>(random() % 2000 + 1) / 1000 - 1.0005f;
  }
  if (pattern == "2:4") {
    for (size_t i = 0; i + 4 <= w.size(); i += 4) {
      const size_t a = random() % 4;
      w[i + a] = 0;
      w[i + (a + 1 + random() % 3) % 4] = 0;
    }
    return w;
  }
  const Block block = block_of(pattern);
  std::bernoulli_distribution drops(sparsity);
  for (size_t r = 0; r < rows; r += block.height) {
    for (size_t c = 0; c < cols; c += block.width) {
      if (drops(random)) {
        for (size_t i = r; i < std::min(r + block.height, rows); ++i) {
          std::fill_n(
              w.data() + i * cols + c, std::min(block.width, cols - c), 0.0f);
        }
      }
    }
  }
  return w;
}

/// A layer and what it owns. Not copied: `layer` points into it.
struct Problem {
  Buffer w;
  Buffer x;
  Buffer y;
  Layer layer;

  Problem(
      size_t rows,
      size_t cols,
      const std::string& pattern,
      double sparsity,
      size_t batch)
      : w(sparse_weight(rows, cols, pattern, sparsity)),
        x(batch * cols),
        y(batch * rows),
        layer{w.data(), rows, cols, x.data(), batch, y.data()} {
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    std::generate(x.begin(), x.end(), [&] { return normal(random); });
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;
};

/// Complains about a contender whose result is off from the first one's by more
/// than `most` of the largest.
inline void check(
    const std::vector<Contender>& contenders,
    const Problem& problem,
    double most) {
  const Buffer& y = problem.y;
  contenders[0].run();
  const Buffer expected = y;
  double scale = 0;
  for (const float value : expected) {
    scale = std::max<double>(scale, std::fabs(value));
  }
  for (const auto& contender : contenders) {
    contender.run();
    for (size_t i = 0; i < y.size(); ++i) {
      if (!(std::fabs(y[i] - expected[i]) <= most * scale)) {
        std::fprintf(
            stderr,
            "%s is wrong at batch %zu: y[%zu] is %g, not %g\n",
            contender.name.c_str(),
            problem.layer.batch,
            i,
            y[i],
            expected[i]);
        break;
      }
    }
  }
}

} // namespace coppice::bench
