#pragma once

#include <cstdint>
#include <string>

namespace coppice::compiling {

/// The processor name from the system; "unknown" if missing.
std::string processor_name();

/// Bytes of the last-level cache; 32 MiB if the system does not say.
int64_t last_cache_bytes();

/// How many bytes to read between two runs of a layer if the model has `others`
/// bytes of other weights. A power of two, so that cached timings apply to
/// similar models; at most twice the last-level cache. 0 if so little that the
/// caches stay warm.
int64_t passing_bytes(int64_t others);

/// Reads `bytes` of unrelated memory on all cores.
void evict_from_caches(int64_t bytes);

} // namespace coppice::compiling
