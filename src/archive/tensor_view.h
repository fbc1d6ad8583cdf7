#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace coppice::archive {

/// The number of storage elements from the first to the last one of a strided
/// view; zero if it is empty, nullopt on overflow.
std::optional<uint64_t> view_extent(
    const std::vector<int64_t>& shape,
    const std::vector<int64_t>& strides);

/// Whether no two elements of a view share memory. False if in doubt.
bool is_injective(
    const std::vector<int64_t>& shape,
    const std::vector<int64_t>& strides);

} // namespace coppice::archive
