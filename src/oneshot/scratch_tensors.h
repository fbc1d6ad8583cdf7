#pragma once

#include <torch/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "coppice/archive/mapped_file.h"
#include "io/scratch_folder.h"

namespace coppice::oneshot {

/// A tensor in a mapped file of its own, which is not to be written to.
struct FileTensor {
  torch::Tensor tensor;
  std::shared_ptr<const MappedFile> file;

  /// Whether the bytes of `like` could be those of the file: the same sizes,
  /// strides and dtype, and nothing else in its storage.
  bool fits(const torch::Tensor& like) const;
  /// Has `tensor`, which it fits, and all that share its memory, lie in the
  /// file. What is written to it stays with it. A copy where the system maps
  /// nothing.
  void give_to(const torch::Tensor& tensor) const;
};

/// Facts beside a tensor in its file.
struct ScratchFacts {
  std::string text;
  std::map<std::string, double> numbers;
};

/// Tensors in files of a scratch folder instead of memory. They are files of
/// torch.save, each written whole or not at all, flushed to the disk.
class ScratchTensors {
 public:
  /// `output`: what the folder belongs to; empty for temporary files, which
  /// have no names and cannot be found again.
  explicit ScratchTensors(const std::string& output);

  /// Where they are.
  const std::string& path() const {
    return path_;
  }

  /// Writes `tensor`, whose elements lie in any order without gaps, under a
  /// name, in the place of what had the name; what was read of that stays.
  ///
  /// Errors: OutputError.
  FileTensor keep(
      const std::string& name,
      const torch::Tensor& tensor,
      const ScratchFacts& facts);

  /// What a run before kept under a name, with its facts; nothing if it kept
  /// none, or none of the sizes, strides, dtype and text that are asked for.
  std::optional<std::pair<FileTensor, ScratchFacts>> find(
      const std::string& name,
      const torch::Tensor& like,
      const std::string& text);

  /// Removes all files. Tensors stay valid.
  void clear();

 private:
  std::optional<std::pair<FileTensor, ScratchFacts>> read(
      const std::string& path,
      const torch::Tensor& like) const;

  std::unique_ptr<io::ScratchFolder> folder_; ///< Null for temporary files.
  std::string path_;
  uint64_t files_ = 0; ///< That may be open, at most.
};

} // namespace coppice::oneshot
