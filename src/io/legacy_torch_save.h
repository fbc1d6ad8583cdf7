#pragma once

#include <memory>

#include "archive/pickle_value.h"
#include "coppice/archive/mapped_file.h"

namespace coppice::io {

/// Reads the object in a `torch.save` file written before 1.6, of plain data
/// only.
///
/// Errors: FileError.
PickleValue read_legacy_value(const std::shared_ptr<const MappedFile>& file);

} // namespace coppice::io
