#pragma once

#include <string>

#include "coppice/export.h"
#include "coppice/io/state_dict.h"

namespace coppice {

/// Writes `state` as the safetensors file `path`, byte for byte as the format's
/// own library does: metadata first, wide dtypes before narrow ones, then by
/// name, and the header padded to 8 bytes. Strided tensors become row-major. A
/// kill at any moment leaves the old file or the new one.
///
/// Errors: OutputError, before anything is written, if a name is not unique, is
/// `__metadata__` or not UTF-8, if safetensors lacks a dtype, if the header
/// would exceed 100 MB, or if `path` backs a tensor by memory mapping.
/// OutputError also if the file cannot be written.
COPPICE_API void save_safetensors(
    const std::string& path,
    const StateDict& state);

} // namespace coppice
