#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "coppice/archive/file_error.h"
#include "coppice/archive/mapped_file.h"
#include "coppice/archive/pickled_code.h"
#include "coppice/export.h"
#include "coppice/io/state_dict.h"

namespace coppice {

enum class CheckpointFormat {
  Safetensors,
  ShardedSafetensors, ///< model.safetensors.index.json and its shards.
  TorchSave,          ///< The zip archive of `torch.save`, since 1.6.
  ShardedTorchSave,   ///< pytorch_model.bin.index.json and its shards.
  LegacyTorchSave,    ///< The bare pickles of `torch.save` before 1.6.
  TorchScript,        ///< `torch::jit` archives, and LibTorch's `torch::save`.
  ExportedProgram,    ///< `torch.export.save`, .pt2.
};

/// Whether a format has several files: an index and shards.
COPPICE_API bool is_sharded(CheckpointFormat format);

/// "safetensors", "torch.save archive", ... for messages.
COPPICE_API std::string_view format_name(CheckpointFormat format);

/// The CRC-32 of an entry of a zip archive. Who changes bytes of `covered` must
/// write the new checksum, little-endian, at each of `places`.
struct Checksum {
  size_t file = 0; ///< Index into `Checkpoint::files`.
  ByteRange covered;
  std::vector<uint64_t> places; ///< Offsets in the file.
};

/// The tensors of a model in one or several memory-mapped files, read on
/// access. A tensor whose `data` is in one of `files` can be changed by writing
/// a copy of that file with other bytes there.
struct Checkpoint {
  CheckpointFormat format = CheckpointFormat::Safetensors;
  /// The file itself, or the shards sorted by name and then their index.
  std::vector<std::shared_ptr<const MappedFile>> files;
  StateDict state;
  /// Checksums of zip archives. Ranges overlap only where an entry is itself an
  /// archive and contains the other range with its places.
  std::vector<Checksum> checksums;

  // For pickled objects, such as a whole model:

  /// Classes and functions that Python imports or calls when loading the files.
  /// Coppice does not, but copies of the files still name them.
  std::vector<PickledCode> code;
  /// Why a tensor is not a weight ("a buffer of its module"), by name, if
  /// known.
  std::map<std::string, std::string> left_because;
};

/// The first entry of `code` known to be dangerous; null if there is none.
COPPICE_API const PickledCode* dangerous_code(const Checkpoint& checkpoint);

/// Opens a file of any known format, detected by its content. Everything in the
/// file is checked before use, and no code in it runs: Python objects, such as
/// a whole pickled model, are read as data for their tensors. Tensors have the
/// names of `state_dict()`.
///
/// Errors: FileError.
COPPICE_API Checkpoint open_checkpoint(const std::string& path);

} // namespace coppice
