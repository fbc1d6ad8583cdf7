#include "coppice/io/checkpoint.h"

#include <fmt/format.h>

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
    case CheckpointFormat::LegacyTorchSave:
      return "torch.save file of before 1.6";
    case CheckpointFormat::TorchScript:
      return "TorchScript archive";
  }
  return "unknown";
}

Checkpoint open_checkpoint(const std::string& path) {
  auto file = MappedFile::open(path);
  if (file->size() == 0) {
    throw FileError(fmt::format("{}: is empty; give a checkpoint file.", path));
  }
  // From the surest sign to the least sure.
  if (io::is_zip(*file)) {
    return io::read_torch_archive(std::move(file));
  }
  if (io::is_legacy_torch_save(*file)) {
    return io::read_legacy_torch_save(std::move(file));
  }
  if (io::is_safetensors_index(*file)) {
    return io::read_safetensors_index(std::move(file));
  }
  if (io::is_safetensors(*file)) {
    return io::read_safetensors(std::move(file));
  }
  throw FileError(fmt::format(
      "{}: is of no format that is known here; give a safetensors file, an "
      "index of its shards, a torch.save file or a TorchScript archive.",
      path));
}

} // namespace coppice
