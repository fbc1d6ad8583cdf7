#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "archive/pickle_reader.h"
#include "archive/pickle_value.h"
#include "archive/zip.h"
#include "coppice/io/checkpoint.h"

namespace coppice::io {

/// The folder of all entries; as in PyTorch, that of the first.
std::string root_of(const archive::ZipArchive& zip);

/// The zip archive of `torch.save` or of TorchScript:
///
///   NAME/data.pkl        the object
///   NAME/data/0          the bytes of its storage 0, and so on
///   NAME/byteorder       "little" (newer versions)
///   NAME/version
///
/// and in TorchScript also:
///
///   NAME/code/...        the functions, not read here
///   NAME/constants.pkl   a tuple of their constants
///   NAME/constants/0     the bytes of their storages
class TorchArchive {
 public:
  /// Errors of all members: FileError.
  explicit TorchArchive(std::shared_ptr<const MappedFile> file)
      : TorchArchive(archive::ZipArchive(std::move(file))) {}
  explicit TorchArchive(archive::ZipArchive zip);

  bool is_script() const {
    return is_script_;
  }
  /// The object, of plain data or TorchScript classes only.
  PickleValue data();
  /// The object; foreign classes in a file of torch.save become inert.
  archive::Pickle model();
  /// An empty tuple if there are none.
  PickleValue constants();
  /// Bytes of the pickles read so far.
  uint64_t pickle_size() const {
    return pickle_size_;
  }
  /// The checksums of the entries whose storages were read so far.
  std::vector<Checksum> checksums() const;

 private:
  archive::Pickle read(
      const std::string& pickle,
      const std::string& folder,
      archive::ForeignNames foreign);
  PickleStorage load(const std::string& folder, const archive::StorageId& id);
  const archive::ZipEntry* entry(const std::string& name) const;
  void check_byte_order();
  [[noreturn]] void fail(const std::string& what) const;

  archive::ZipArchive zip_;
  std::string root_; ///< "NAME/"
  bool is_script_ = false;
  uint64_t pickle_size_ = 0;
  std::map<const archive::ZipEntry*, PickleStorage> storages_;
};

} // namespace coppice::io
