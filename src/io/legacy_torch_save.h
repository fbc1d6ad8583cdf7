#pragma once

#include <memory>

#include "archive/pickle_value.h"
#include "coppice/archive/mapped_file.h"

namespace coppice::io {

/// The object in a file of `torch.save` before 1.6, of plain data.
///
/// Errors: FileError.
PickleValue read_legacy_value(const std::shared_ptr<const MappedFile>& file);

} // namespace coppice::io
