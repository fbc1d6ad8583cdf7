#pragma once

#include <cstdint>
#include <string>

namespace coppice::oneshot {

/// Bytes of memory that this program may still take: what the machine has free,
/// or less where a control group (a container, a batch system; versions 1 and
/// 2) limits it. What files take in the system's cache counts as free, as it
/// can go. 0 if the system does not say.
///
/// `root`: where `proc` and `sys` are, for tests.
uint64_t free_memory(const std::string& root = "");

} // namespace coppice::oneshot
