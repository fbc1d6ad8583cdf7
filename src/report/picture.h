#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coppice {

/// A picture of shares, row by row: 0 is nothing.
struct Picture {
  int64_t rows = 0;
  int64_t cols = 0;
  std::vector<float> shares; ///< rows * cols, each in [0, 1].

  /// The largest share, 0 if there is none.
  float most() const;
};

/// The picture as a PNG file, a pixel a share: 0 is transparent, the largest is
/// full, in 15 steps of opacity of one green, so that it reads on a light page
/// and on a dark one. What is not 0 is never shown as if it were.
///
/// Errors: c10::ValueError unless there are as many shares as rows and columns
///   say, at least one, and at most 2^14 a side.
std::string to_png(const Picture& picture);

} // namespace coppice
