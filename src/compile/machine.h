#pragma once

#include <cstdint>
#include <string>

namespace coppice::compiling {

/// The processor as the system names it, "unknown" where it does not.
std::string processor_name();

/// Bytes of the last cache that a core reaches; 32 MiB where the system does
/// not tell.
int64_t last_cache_bytes();

/// How much other memory goes through the caches between two runs of a layer if
/// a model has so many bytes of other weights: a power of two, so that what was
/// measured holds for models like it, or twice the last cache at most; 0 for
/// what hardly disturbs the first cache.
int64_t passing_bytes(int64_t others);

/// Reads so many bytes of something else, on all cores.
void pass_through_caches(int64_t bytes);

} // namespace coppice::compiling
