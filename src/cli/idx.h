#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coppice::cli {

/// An IDX file of unsigned bytes: sizes, then the elements row by row.
///
/// Source: Yann LeCun, "The MNIST database of handwritten digits".
struct Idx {
  std::vector<int64_t> sizes;
  std::vector<uint8_t> bytes; ///< As many as the product of `sizes`.
};

/// Reads a plain or gzip IDX file of `dimensions` dimensions. Trusts nothing:
/// memory grows with what the file really holds, and never beyond 1 GiB.
///
/// Errors: InputError, which names the file, if it cannot be read, is not IDX,
///   holds something else than unsigned bytes, has another number of
///   dimensions, is empty, or is shorter or longer than its header says.
Idx read_idx(const std::string& path, size_t dimensions);

} // namespace coppice::cli
