#include "coppice/io/checkpoint.h"

#include <fmt/format.h>

#include "archive/zip.h"
#include "io/foreign_file.h"
#include "io/formats.h"

namespace coppice {

std::string_view format_name(CheckpointFormat format) {
  switch (format) {
    case CheckpointFormat::Safetensors:
      return "safetensors";
    case CheckpointFormat::ShardedSafetensors:
      return "sharded safetensors";
    case CheckpointFormat::TorchSave:
      return "torch.save archive";
    case CheckpointFormat::ShardedTorchSave:
      return "sharded torch.save files";
    case CheckpointFormat::LegacyTorchSave:
      return "torch.save file of before 1.6";
    case CheckpointFormat::TorchScript:
      return "TorchScript archive";
    case CheckpointFormat::ExportedProgram:
      return "torch.export archive";
  }
  return "unknown";
}

bool is_sharded(CheckpointFormat format) {
  switch (format) {
    case CheckpointFormat::ShardedSafetensors:
    case CheckpointFormat::ShardedTorchSave:
      return true;
    case CheckpointFormat::Safetensors:
    case CheckpointFormat::TorchSave:
    case CheckpointFormat::LegacyTorchSave:
    case CheckpointFormat::TorchScript:
    case CheckpointFormat::ExportedProgram:
      return false;
  }
  return false;
}

const PickledCode* dangerous_code(const Checkpoint& checkpoint) {
  for (const auto& code : checkpoint.code) {
    if (!code.danger.empty()) {
      return &code;
    }
  }
  return nullptr;
}

Checkpoint open_checkpoint(const std::string& path) {
  io::require_no_folder(path);
  return io::read_checkpoint(MappedFile::open(path));
}

Checkpoint io::read_checkpoint(std::shared_ptr<const MappedFile> file) {
  require_no_foreign(*file);
  // From the most reliable signature to the least.
  if (archive::is_zip(*file)) {
    return read_zip_archive(std::move(file));
  }
  if (is_legacy_torch_save(*file)) {
    return read_legacy_torch_save(std::move(file));
  }
  if (is_shard_index(*file)) {
    return read_shard_index(std::move(file));
  }
  if (is_safetensors(*file)) {
    return read_safetensors(std::move(file));
  }
  throw FileError(fmt::format(
      "{}: is of an unknown format; give a safetensors file, an "
      "index of shards, a torch.save file, a TorchScript archive or a .pt2.",
      file->path()));
}

} // namespace coppice
