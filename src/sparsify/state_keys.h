#pragma once

namespace coppice {

/// The key of a mask among the values that a sparsifier keeps for a tensor,
/// the reference's.
inline constexpr const char* kMask = "mask";

} // namespace coppice
