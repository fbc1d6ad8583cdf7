#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace coppice::archive {

/// The storage elements that a strided view reaches, from its first one on;
/// zero if it is empty, nullopt if that overflows.
std::optional<uint64_t> view_extent(
    const std::vector<int64_t>& shape,
    const std::vector<int64_t>& strides);

/// Whether no two elements of a view can be the same one.
bool is_injective(
    const std::vector<int64_t>& shape,
    const std::vector<int64_t>& strides);

} // namespace coppice::archive
