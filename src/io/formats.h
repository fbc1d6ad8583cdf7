#pragma once

#include <memory>

#include "coppice/io/checkpoint.h"

/// One reader a format. Each throws FileError if the file is broken.
namespace coppice::io {

/// Reads a file of any format, detected by its content.
Checkpoint read_checkpoint(std::shared_ptr<const MappedFile> file);

bool is_safetensors(const MappedFile& file);
Checkpoint read_safetensors(std::shared_ptr<const MappedFile> file);

/// Whether the file is JSON with a "weight_map".
bool is_shard_index(const MappedFile& file);
/// Shards are safetensors or torch.save files in the folder of the index.
Checkpoint read_shard_index(std::shared_ptr<const MappedFile> file);

/// An archive of torch.save, TorchScript or torch.export, distinguished by its
/// entries.
Checkpoint read_zip_archive(std::shared_ptr<const MappedFile> file);

bool is_legacy_torch_save(const MappedFile& file);
Checkpoint read_legacy_torch_save(std::shared_ptr<const MappedFile> file);

} // namespace coppice::io
