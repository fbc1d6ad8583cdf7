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

/// Finds tensors in an archive of torch.export, and where the checksums of
/// their bytes stand.
///
/// Errors of all of it: FileError.
class ExportedTensors {
 public:
  using Tensors = std::vector<StoredTensor>;

  /// `root` is the archive's own folder, "NAME/".
  ExportedTensors(archive::ZipArchive& zip, std::string root)
      : zip_(zip), root_(std::move(root)) {}

  /// Those that a config lists, whose bytes lie in `folder`.
  Tensors in_config(const archive::ZipEntry& config, const std::string& folder);
  /// Those in a file of torch.save.
  Tensors in_torch_save(const archive::ZipEntry& entry);

  /// Of the entries in which tensors were found.
  std::vector<Checksum> take_checksums() {
    return std::move(checksums_);
  }

 private:
  /// What an entry turned out to hold; several tensors may name it.
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
