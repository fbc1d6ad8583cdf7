#pragma once

#include <cstddef>
#include <memory>

#include "coppice/archive/mapped_file.h"

namespace coppice::archive {

/// The bytes of a file as memory that may be written to: what is written is
/// this mapping's own, and the file stays as it is. Pages that were not written
/// to come from the file and can go again. Keeps the file open.
///
/// Null for a file without bytes or in memory, and where the system refuses.
std::shared_ptr<std::byte> map_privately(
    const std::shared_ptr<const MappedFile>& file);

} // namespace coppice::archive
