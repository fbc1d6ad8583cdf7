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

/// Whether it is an index and shards: a folder of files rather than one.
COPPICE_API bool is_sharded(CheckpointFormat format);

/// "safetensors", "torch.save archive", ... as messages name it.
COPPICE_API std::string_view format_name(CheckpointFormat format);

/// The CRC-32 of an entry of a zip archive: whoever changes bytes of `covered`
/// must write the new checksum, little-endian, at each of `places`.
struct Checksum {
  size_t file = 0; ///< Index into `Checkpoint::files`.
  ByteRange covered;
  std::vector<uint64_t> places;
};

/// A model's tensors in one or several files, mapped: nothing is read before it
/// is used. A tensor whose `data` lies in one of `files` can be changed by
/// writing a copy of that file with other bytes there.
struct Checkpoint {
  CheckpointFormat format = CheckpointFormat::Safetensors;
  /// The file itself, or the shards in the order of their names. The index of
  /// shards comes last.
  std::vector<std::shared_ptr<const MappedFile>> files;
  StateDict state;
  /// Of zip archives. Two ranges overlap only if one is of an entry that is an
  /// archive itself, and holds the other with its places.
  std::vector<Checksum> checksums;

  // Of pickled objects, such as a whole model:

  /// Classes and functions that Python imports or calls when it loads the
  /// files. Nothing here does, but a copy of a file still names them.
  std::vector<PickledCode> code;
  /// By name of a tensor: why it is no weight ("a buffer of its module"). Only
  /// of tensors of which the object that holds them tells.
  std::map<std::string, std::string> left_because;
};

/// The first of its code that is known to be dangerous; null if there is none.
COPPICE_API const PickledCode* dangerous_code(const Checkpoint& checkpoint);

/// Opens a file of any known format, told by its content. Nothing in the file
/// is believed before it is checked, and nothing in it can run: objects of
/// Python's, such as a whole pickled model, are read as data for the tensors
/// that they hold. Tensors have the names that `state_dict()` gives them.
///
/// Errors: FileError.
COPPICE_API Checkpoint open_checkpoint(const std::string& path);

} // namespace coppice
