#pragma once

#include <memory>
#include <string>

#include "archive/pickle_value.h"
#include "coppice/archive/file_error.h"
#include "coppice/archive/mapped_file.h"

/// Files of Python's `torch.save`, as plain data.
namespace coppice {

struct TorchFile {
  PickleValue value;
  std::shared_ptr<const MappedFile> file; ///< Owns the bytes of its tensors.
};

/// Reads a file of `torch.save`, of any version. Runs no code from it: anything
/// but plain data is rejected by name.
///
/// Errors: FileError, also for a TorchScript archive.
TorchFile read_torch_file(const std::string& path);

/// Writes a file that `torch.load` reads, since 1.6. Newer versions read it
/// with `weights_only=True` unless it contains a `defaultdict` or a frozenset,
/// which they do not allow. Tensors that share a storage still share it; a
/// storage is written whole, also where a tensor is a part of it.
///
/// Errors: OutputError if the file cannot be written or backs a tensor by
/// memory mapping, or if `value` contains itself, a quantized tensor or a
/// TorchScript object.
void write_torch_file(const std::string& path, const PickleValue& value);

} // namespace coppice
