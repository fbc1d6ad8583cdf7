#include "coppice/io/torch_file.h"

#include <fmt/format.h>

#include "io/formats.h"
#include "io/legacy_torch_save.h"
#include "io/torch_archive.h"

namespace coppice {

TorchFile read_torch_file(const std::string& path) {
  TorchFile result;
  result.file = MappedFile::open(path);
  if (io::is_zip(*result.file)) {
    io::TorchArchive archive(result.file);
    if (archive.is_script()) {
      throw FileError(fmt::format(
          "{}: is a TorchScript archive; give a file of torch.save.", path));
    }
    result.value = archive.data();
    return result;
  }
  if (io::is_legacy_torch_save(*result.file)) {
    uint64_t ignored = 0;
    result.value = io::read_legacy_value(result.file, ignored);
    return result;
  }
  throw FileError(
      fmt::format("{}: is no file of torch.save; give one.", path));
}

} // namespace coppice
