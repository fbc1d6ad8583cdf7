#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "coppice/io/checkpoint.h"
#include "io/output_file.h"

namespace coppice {

/// Takes the next bytes of what is being written.
using ByteSink = std::function<void(const void* data, uint64_t size)>;

/// A part of a file that gets other bytes, as many as it had.
struct Change {
  ByteRange range;
  /// Hands the new bytes to the sink, in pieces and in order.
  std::function<void(const ByteSink& sink)> write;
};

/// Where the elements of a tensor lie in the files of its checkpoint.
struct TensorPlace {
  size_t file = 0;
  ByteRange range; ///< From its first to its last element, gaps included.
};

/// Errors: FileError if the tensor lies in none of the files.
TensorPlace place_of(const StoredTensor& tensor, const Checkpoint& checkpoint);

/// Whether the tensor can be changed in a copy of its file: it lies in one and
/// nothing says that it must stay as it is.
bool is_changeable(const StoredTensor& tensor, const Checkpoint& checkpoint);

/// Writes a copy of `checkpoint.files[file]` with `changes`, which are in the
/// order of the file and do not overlap, to `output`: in one pass, with the
/// checksums of the archive entries that changed. All else is byte-identical.
///
/// Errors: OutputError; std::logic_error if a change writes more or fewer bytes
///   than its range has.
void rewrite_file(
    const Checkpoint& checkpoint,
    size_t file,
    const std::vector<Change>& changes,
    OutputFile& output);

} // namespace coppice
