#pragma once

#include <memory>

#include "coppice/io/checkpoint.h"

/// One reader a format. Each throws FileError for a file of its format that is
/// broken.
namespace coppice::io {

/// A file of any format, told by its content.
Checkpoint read_checkpoint(std::shared_ptr<const MappedFile> file);

bool is_safetensors(const MappedFile& file);
Checkpoint read_safetensors(std::shared_ptr<const MappedFile> file);

/// True for JSON with a "weight_map".
bool is_shard_index(const MappedFile& file);
/// Shards are safetensors files or files of torch.save, and lie in the folder
/// of the index.
Checkpoint read_shard_index(std::shared_ptr<const MappedFile> file);

/// An archive of torch.save, TorchScript or torch.export, told apart by what it
/// holds.
Checkpoint read_zip_archive(std::shared_ptr<const MappedFile> file);

bool is_legacy_torch_save(const MappedFile& file);
Checkpoint read_legacy_torch_save(std::shared_ptr<const MappedFile> file);

} // namespace coppice::io
