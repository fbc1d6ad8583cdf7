#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "coppice/io/checkpoint.h"
#include "io/output_file.h"

namespace coppice {

/// Receives the next bytes of the output.
using ByteSink = std::function<void(const void* data, uint64_t size)>;

/// A range of a file to be replaced by as many new bytes.
struct Change {
  ByteRange range;
  /// Passes the new bytes to the sink, in pieces and in order.
  std::function<void(const ByteSink& sink)> write;
};

/// Where the elements of a tensor are in the files of its checkpoint.
struct TensorPlace {
  size_t file = 0;
  ByteRange range; ///< From the first to the last element, gaps included.
};

/// Errors: FileError if the tensor is in none of the files.
TensorPlace place_of(const StoredTensor& tensor, const Checkpoint& checkpoint);

/// Whether the tensor can be changed in a copy of its file: it is in one of the
/// files and `fixed_because` is empty.
bool is_changeable(const StoredTensor& tensor, const Checkpoint& checkpoint);

/// Writes a copy of `checkpoint.files[file]` with `changes`, which are in file
/// order and do not overlap, to `output`. One pass; updates the checksums of
/// changed archive entries. All else is byte-identical.
///
/// Errors: OutputError; std::logic_error if a change writes more or fewer bytes
///   than its range has.
void rewrite_file(
    const Checkpoint& checkpoint,
    size_t file,
    const std::vector<Change>& changes,
    OutputFile& output);

} // namespace coppice
