#pragma once

#include <string>

#include "coppice/export.h"
#include "coppice/io/checkpoint.h"

/// Sparse checkpoints: safetensors files in which a tensor NAME with many zeros
/// is stored without them, as the `sparse-bitmask` format of compressed-tensors
/// stores it:
///
///   NAME.shape        I64 [dimensions]: the tensor's own shape
///   NAME.compressed   [nonzeros], in the tensor's own dtype: what is not zero,
///                     row by row
///   NAME.bitmask      U8 [rows, ceil(columns / 8)]: bit c % 8 of byte c / 8 of
///                     a row is set where column c is not zero
///   NAME.row_offsets  I64 [rows]: where a row begins in NAME.compressed
///
/// Columns are the last dimension, rows all others. Where rows are so short
/// that their offsets would cost more than 1/160 of the tensor, it is stored as
/// one row. Zero is what has no bit set: -0 and every NaN come back as they
/// were.
///
/// Other tensors are there as they are, but for those that share bytes with one
/// (tied weights) or do not lie row by row. Two U8 tensors make the original
/// files whole again: `coppice.rest`, their bytes that belong to no tensor, and
/// `coppice.layout`, JSON that says how all is put together:
///
///   {"files": [{"name": TEXT, "size": BYTES, "crc32": NUMBER,
///               "parts": [BYTES of the rest | TENSOR, ...]}, ...]}
///
/// The metadata are the original's and, of our own, `coppice.format`
/// ("coppice-sparse-bitmask"), `coppice.version` ("1") and `coppice.container`
/// (the original's `format_name`).
namespace coppice {

struct PackOptions {
  /// Stores rows as they are, whatever their offsets cost: the library
  /// compressed-tensors reads no other form.
  bool keep_rows = false;
};

/// Writes a checkpoint of any format to the sparse checkpoint `path`. Packed
/// are the float tensors that become smaller, lie contiguously in their file
/// and share no byte with another; the memory needed does not depend on their
/// size.
///
/// Errors: OutputError.
COPPICE_API void pack_checkpoint(
    const Checkpoint& input,
    const std::string& path,
    const PackOptions& options = {});

/// Whether a checkpoint is one that `pack_checkpoint` wrote.
COPPICE_API bool is_packed(const Checkpoint& checkpoint);

/// Writes what was packed, bit for bit as it was: the file `path`, or the
/// folder `path` with the shards and their index. Nothing in `packed` is
/// believed before it is checked.
///
/// Errors: FileError if `packed` is no sparse checkpoint or a broken one;
/// OutputError.
COPPICE_API void unpack_checkpoint(
    const Checkpoint& packed,
    const std::string& path);

} // namespace coppice
