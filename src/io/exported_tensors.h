#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "archive/zip.h"
#include "coppice/io/checkpoint.h"
#include "io/exported_payload.h"
#include "io/torch_archive.h"

namespace coppice::io {

/// Finds the tensors in an archive of torch.export and the checksums of their
/// bytes.
///
/// Errors of all members: FileError.
class ExportedTensors {
 public:
  using Tensors = std::vector<StoredTensor>;

  /// `root` is the folder in the archive, "NAME/".
  ExportedTensors(archive::ZipArchive& zip, std::string root)
      : zip_(zip), root_(std::move(root)) {}

  /// The tensors of a config, with bytes in `folder`.
  Tensors in_config(const archive::ZipEntry& config, const std::string& folder);
  /// The tensors of a file of torch.save.
  Tensors in_torch_save(const archive::ZipEntry& entry);

  /// The checksums of the entries in which tensors were found.
  std::vector<Checksum> take_checksums() {
    return std::move(checksums_);
  }

 private:
  /// The content of an entry; several tensors may refer to it.
  struct Content {
    bool is_nested = false; ///< A file of torch.save.
    std::unique_ptr<archive::ZipText> bytes;
    std::unique_ptr<StoredTensor> tensor; ///< The pickled one.
  };

  StoredTensor pickled_tensor(
      const archive::ZipEntry& entry,
      const ExportedPayload& payload);
  StoredTensor plain_tensor(
      const archive::ZipEntry& entry,
      const ExportedPayload& payload,
      const std::string& config);
  Content&
  content_of(const archive::ZipEntry& entry, bool is_nested, bool& is_new);
  std::shared_ptr<const MappedFile> nested_file(const archive::ZipEntry& entry);
  void add_nested_checksums(
      const archive::ZipEntry& entry,
      const TorchArchive& nested);
  void add_checksum(const archive::ZipEntry& entry);
  std::string where(std::string_view entry) const;
  [[noreturn]] void fail(const std::string& what) const;

  archive::ZipArchive& zip_;
  std::string root_;
  std::map<const archive::ZipEntry*, Content> contents_;
  std::vector<Checksum> checksums_;
};

} // namespace coppice::io
