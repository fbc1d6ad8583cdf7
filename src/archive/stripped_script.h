#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coppice/archive/mapped_file.h"

namespace coppice::archive {

/// A TorchScript archive without the bytes of its large storages. LibTorch
/// loads it as it would the whole one, as the pickle says how large they are;
/// whoever gave it to LibTorch then gives each storage its bytes.
struct StrippedScript {
  std::string bytes;              ///< The archive.
  std::vector<ByteRange> records; ///< In the file, of what was left out.

  /// Which of `records` a storage that was loaded is to have; null if it has
  /// its own bytes already. At least `kMarkSize` bytes are at `storage`.
  const ByteRange* record_of(const void* storage) const;

  static constexpr size_t kMarkSize = 16;
};

/// Leaves the bytes out of the storages of a module's tensors, from 64 KiB on.
/// The constants of its code stay as they are: loading compares them.
///
/// Null if there are none, or if loading may read the bytes: it runs code
/// (`__setstate__`), makes objects of a library's classes, or quantized or
/// sparse tensors.
/// Errors: FileError if the archive is broken.
std::optional<StrippedScript> strip_script(
    const std::shared_ptr<const MappedFile>& file);

} // namespace coppice::archive
