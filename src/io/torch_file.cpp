#include "io/torch_file.h"

#include <fmt/format.h>

#include <set>
#include <stdexcept>

#include "archive/pickle_writer.h"
#include "archive/zip_writer.h"
#include "io/foreign_file.h"
#include "io/formats.h"
#include "io/legacy_torch_save.h"
#include "io/output_file.h"
#include "io/torch_archive.h"

namespace coppice {

TorchFile read_torch_file(const std::string& path) {
  TorchFile result;
  io::require_no_folder(path);
  result.file = MappedFile::open(path);
  io::require_no_foreign(*result.file);
  if (archive::is_zip(*result.file)) {
    io::TorchArchive archive(result.file);
    if (archive.is_script()) {
      throw FileError(fmt::format(
          "{}: is a TorchScript archive; give a file of torch.save.", path));
    }
    result.value = archive.data();
    return result;
  }
  if (io::is_legacy_torch_save(*result.file)) {
    result.value = io::read_legacy_value(result.file);
    return result;
  }
  throw FileError(
      fmt::format("{}: is not a file of torch.save; give one.", path));
}

void write_torch_file(const std::string& path, const PickleValue& value) {
  archive::WrittenPickle pickle;
  try {
    pickle = archive::write_pickle(value);
  } catch (const std::invalid_argument& error) {
    throw OutputError(
        fmt::format("{} cannot be written: the value {}.", path, error.what()));
  }
  uint64_t size = pickle.bytes.size();
  std::set<std::string> sources;
  for (const auto& storage : pickle.storages) {
    size += storage.size;
    sources.insert(MappedFile::path_of(storage.data));
  }
  require_other_file(path, {sources.begin(), sources.end()});
  OutputFile file(path, size);
  archive::ZipWriter zip(
      [&file](std::string_view bytes) { file.write(bytes); });
  zip.add("archive/data.pkl", pickle.bytes);
  zip.add("archive/byteorder", "little");
  for (size_t i = 0; i < pickle.storages.size(); ++i) {
    const auto& storage = pickle.storages[i];
    zip.add(
        fmt::format("archive/data/{}", i),
        {reinterpret_cast<const char*>(storage.data), storage.size});
  }
  zip.add("archive/version", "3\n");
  zip.finish();
  file.commit();
}

} // namespace coppice
