#include "io/torch_archive.h"

#include <fmt/format.h>

#include <algorithm>

#include "archive/byte_reader.h"
#include "io/exported_archive.h"
#include "io/foreign_zip.h"
#include "io/formats.h"
#include "io/tensor_names.h"

namespace coppice::io {
namespace {

bool begins_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

} // namespace

std::string root_of(const archive::ZipArchive& zip) {
  if (zip.entries().empty()) {
    return "";
  }
  const auto name = zip.entries()[0].name;
  return std::string(name.substr(0, name.find('/') + 1));
}

Checkpoint read_zip_archive(std::shared_ptr<const MappedFile> file) {
  archive::ZipArchive zip(file);
  if (is_exported_archive(zip)) {
    return read_exported_checkpoint(std::move(zip));
  }
  TorchArchive archive(std::move(zip));
  Checkpoint checkpoint;
  checkpoint.files = {file};
  checkpoint.format = archive.is_script() ? CheckpointFormat::TorchScript
                                          : CheckpointFormat::TorchSave;
  archive::Pickle model = archive.model();
  const PickleValue constants = archive.constants();
  TensorNames names(file->path() + ": data.pkl", archive.pickle_size());
  names.add(model.value, "");
  names.add(constants, "constants", "a constant of the code");
  names.give_to(checkpoint);
  checkpoint.code = std::move(model.code);
  checkpoint.checksums = archive.checksums();
  return checkpoint;
}

TorchArchive::TorchArchive(archive::ZipArchive zip)
    : zip_(std::move(zip)), root_(root_of(zip_)) {
  if (!entry("data.pkl")) {
    if (entry("model.json")) {
      fail(
          "is a TorchScript archive from before PyTorch 1.1, which is not "
          "supported; load it with PyTorch and save it again");
    }
    const auto [what, advice] = foreign_zip(zip_);
    fail(what + "; " + advice);
  }
  const std::string code = root_ + "code/";
  is_script_ = entry("constants.pkl") ||
      std::any_of(zip_.entries().begin(),
                  zip_.entries().end(),
                  [&code](const archive::ZipEntry& one) {
                    return begins_with(one.name, code);
                  });
  check_byte_order();
}

void TorchArchive::fail(const std::string& what) const {
  throw FileError(fmt::format("{}: {}.", zip_.file()->path(), what));
}

const archive::ZipEntry* TorchArchive::entry(const std::string& name) const {
  return zip_.find(root_ + name);
}

void TorchArchive::check_byte_order() {
  if (const auto* order = entry("byteorder")) {
    if (zip_.read(*order).view() != "little") {
      fail("holds big-endian numbers; save it on a little-endian machine");
    }
  }
}

PickleValue TorchArchive::data() {
  return read("data.pkl", "data/", archive::ForeignNames::Refused).value;
}

archive::Pickle TorchArchive::model() {
  return read(
      "data.pkl",
      "data/",
      is_script_ ? archive::ForeignNames::Refused
                 : archive::ForeignNames::Inert);
}

PickleValue TorchArchive::constants() {
  if (!is_script_ || !entry("constants.pkl")) {
    return PickleTuple();
  }
  return read("constants.pkl", "constants/", archive::ForeignNames::Refused)
      .value;
}

archive::Pickle TorchArchive::read(
    const std::string& pickle,
    const std::string& folder,
    archive::ForeignNames foreign) {
  const archive::ZipText text = zip_.read(*entry(pickle));
  archive::PickleContext context;
  context.where = zip_.file()->path() + ": " + pickle;
  context.torch_script = is_script_;
  context.foreign = foreign;
  context.load_storage = [this, &folder](const archive::StorageId& id) {
    return load(folder, id);
  };
  pickle_size_ += text.view().size();
  return archive::read_pickle(text.view(), context);
}

PickleStorage TorchArchive::load(
    const std::string& folder,
    const archive::StorageId& id) {
  const auto* found = entry(folder + id.key);
  if (!found || id.view) {
    fail(fmt::format(
        "refers to the storage {}, which is missing; save it again",
        archive::quoted(id.key)));
  }
  if (found->size < id.size) {
    fail(fmt::format(
        "refers to {} bytes of the storage {}, which has {}; save it again",
        id.size,
        archive::quoted(id.key),
        found->size));
  }
  auto [known, is_new] = storages_.try_emplace(found);
  PickleStorage& storage = known->second;
  if (is_new) {
    const archive::ZipText bytes = zip_.inflate(*found);
    storage.data = reinterpret_cast<const std::byte*>(bytes.view().data());
    storage.owner = zip_.file();
    if (found->deflated) {
      storage.owner = bytes.inflated();
      storage.fixed_because = "its archive entry is compressed";
    }
  }
  storage.dtype = id.dtype;
  storage.size = id.size;
  return storage;
}

std::vector<Checksum> TorchArchive::checksums() const {
  std::vector<Checksum> checksums;
  for (const auto& [entry, storage] : storages_) {
    if (!entry->deflated && entry->size > 0) {
      checksums.push_back({0, entry->data, entry->crc_offsets});
    }
  }
  std::sort(
      checksums.begin(), checksums.end(), [](const auto& a, const auto& b) {
        return a.covered.begin < b.covered.begin;
      });
  return checksums;
}

} // namespace coppice::io
