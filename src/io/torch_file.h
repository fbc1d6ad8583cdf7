#pragma once

#include <memory>
#include <string>

#include "archive/pickle_value.h"
#include "coppice/archive/file_error.h"
#include "coppice/archive/mapped_file.h"

/// Files of Python's `torch.save`, as data.
namespace coppice {

struct TorchFile {
  PickleValue value;
  std::shared_ptr<const MappedFile> file; ///< Holds the bytes of its tensors.
};

/// Reads a file of `torch.save`, of any version. Nothing in it can run: what is
/// no plain data is refused by name.
///
/// Errors: FileError, also for a TorchScript archive.
TorchFile read_torch_file(const std::string& path);

/// Writes what `torch.load` reads, since 1.6. Newer versions read it with
/// `weights_only=True` too if it holds no `defaultdict` and no frozenset, which
/// are not on their list. Tensors of one storage share one again; a storage
/// goes as a whole, also where a tensor shows a part of it.
///
/// Errors: OutputError if the file cannot be written, a tensor lies in it,
/// mapped, or `value` holds what has no form there: itself, a quantized tensor,
/// a TorchScript object.
void write_torch_file(const std::string& path, const PickleValue& value);

} // namespace coppice
