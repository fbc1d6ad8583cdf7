#pragma once

#include <cstddef>

namespace coppice::kernels {

/// The rows of a block: many, so that few runs are short; few, so that threads
/// find equal shares.
constexpr size_t kSortedBlockRows = 64;

} // namespace coppice::kernels
