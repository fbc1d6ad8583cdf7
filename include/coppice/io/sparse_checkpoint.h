#pragma once

#include <string>

#include "coppice/export.h"
#include "coppice/io/checkpoint.h"

/// Sparse checkpoints: safetensors files in which a tensor NAME with many zeros
/// is stored in the `sparse-bitmask` format of compressed-tensors:
///
///   NAME.shape        I64 [dimensions]: the shape of the tensor
///   NAME.compressed   [nonzeros], in the dtype of the tensor: its nonzeros,
///   row
///                     by row
///   NAME.bitmask      U8 [rows, ceil(columns / 8)]: bit c % 8 of byte c / 8 of
///                     a row is set where column c is not zero
///   NAME.row_offsets  I64 [rows]: where each row begins in NAME.compressed
///
/// Columns are the last dimension, rows all others. If the offsets of short
/// rows would cost more than 1/160 of the tensor, it is stored as one row. An
/// element is zero if none of its bits is set: -0 and NaNs are preserved.
///
/// Other tensors are stored unchanged, except for those that are not contiguous
/// or share bytes with another (tied weights). Two U8 tensors restore the
/// original files: `coppice.rest`, their bytes that belong to no tensor, and
/// `coppice.layout`, JSON that says how to reassemble them:
///
///   {"files": [{"name": TEXT, "size": BYTES, "crc32": NUMBER,
///               "parts": [BYTES of the rest | TENSOR, ...]}, ...]}
///
/// The metadata are the original's plus `coppice.format`
/// ("coppice-sparse-bitmask"), `coppice.version` ("1") and `coppice.container`
/// (the original's `format_name`).
namespace coppice {

struct PackOptions {
  /// Keeps the rows regardless of the size of their offsets: the library
  /// compressed-tensors reads no other form.
  bool keep_rows = false;
};

/// Writes a checkpoint of any format as the sparse checkpoint `path`. Packs
/// float tensors that get smaller, are contiguous in their file and share no
/// byte with another. Memory use does not depend on tensor sizes.
///
/// Errors: OutputError.
COPPICE_API void pack_checkpoint(
    const Checkpoint& input,
    const std::string& path,
    const PackOptions& options = {});

/// Whether `pack_checkpoint` wrote the checkpoint.
COPPICE_API bool is_packed(const Checkpoint& checkpoint);

/// Restores what was packed, bit for bit: the file `path`, or the folder `path`
/// with the shards and their index. Everything in `packed` is checked before
/// use.
///
/// Errors: FileError if `packed` is broken or not a sparse checkpoint;
///   OutputError.
COPPICE_API void unpack_checkpoint(
    const Checkpoint& packed,
    const std::string& path);

} // namespace coppice
