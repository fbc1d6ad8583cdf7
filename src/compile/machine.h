#pragma once

#include <cstdint>
#include <string>

namespace coppice::compiling {

/// The processor as the system names it, "unknown" where it does not.
std::string processor_name();

/// Bytes of the last cache that a core reaches; 32 MiB where the system does
/// not tell.
int64_t last_cache_bytes();

/// Fills the caches of all cores with something else.
void clear_caches();

} // namespace coppice::compiling
