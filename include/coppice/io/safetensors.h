#pragma once

#include <string>

#include "coppice/io/output_file.h"
#include "coppice/io/state_dict.h"

namespace coppice {

/// Writes `state` as a safetensors file, byte for byte as the format's own
/// library does: the metadata first, wide dtypes before narrow ones, then by
/// name, and the header padded to 8 bytes. Strided tensors become row-major.
///
/// Errors: OutputError, before anything is written, if a name comes twice, is
/// `__metadata__` or no UTF-8, if safetensors has no such dtype or if the
/// header would exceed 100 MB; and as `OutputFile`.
void write_safetensors(OutputFile& file, const StateDict& state);

/// `write_safetensors` to the file `path`; its room on the disk is asked for
/// first.
///
/// Errors: OutputError also if `path` is the file in which a tensor lies,
/// mapped.
void save_safetensors(const std::string& path, const StateDict& state);

} // namespace coppice
