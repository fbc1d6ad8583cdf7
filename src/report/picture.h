#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coppice {

/// A grayscale picture of shares, row-major.
struct Picture {
  int64_t rows = 0;
  int64_t cols = 0;
  std::vector<float> shares; ///< rows * cols, each in [0, 1].

  /// The largest share; 0 if there is none.
  float most() const;
};

/// Encodes a PNG of one green with 16 levels of opacity, a pixel a share, for
/// light and dark backgrounds: 0 is transparent, the largest share opaque.
/// Nonzero shares are always visible.
///
/// Errors: c10::ValueError unless there are rows * cols shares, and 1 to 2^14
///   rows and columns.
std::string to_png(const Picture& picture);

} // namespace coppice
