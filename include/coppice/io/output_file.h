#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "coppice/io/checkpoint.h"

namespace coppice {

namespace io {
class BlockWriter;
}

/// Thrown out of the output that `interrupt_output` cut short.
class Interrupted : public OutputError {
 public:
  Interrupted() : OutputError("interrupted.") {}
};

/// Makes every output that is being written throw Interrupted at its next
/// write, so that it is removed on the way out, and none begin any more. Does
/// nothing and returns false if none is being written. Safe in a signal
/// handler.
bool interrupt_output() noexcept;

/// A file in the making: written under another name beside its target, flushed
/// to the disk, then renamed. A kill at any moment leaves the old file or the
/// new one; an error leaves the old one and nothing else.
///
/// Errors: OutputError from every function that writes.
class OutputFile {
 public:
  /// `size`, where it is known, is asked of the disk before anything is
  /// written: one without room for it is told at once.
  explicit OutputFile(std::string target, uint64_t size = 0);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, uint64_t size);
  void write(std::string_view text) {
    write(text.data(), text.size());
  }
  /// Writes a part of a file, by the system's own means where it has some.
  void copy(const MappedFile& from, ByteRange range);
  /// Writes over what is already written, and moves nothing.
  void overwrite(uint64_t offset, std::string_view bytes);

  /// Bytes written so far.
  uint64_t size() const {
    return size_;
  }

  /// Flushes the file and gives it its name; nothing can be written after.
  void commit();

 private:
  [[noreturn]] void fail(int reason) const;
  void finish_blocks();
  void discard();

  std::string target_;
  std::string path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
  std::unique_ptr<io::BlockWriter> blocks_; ///< Of a file that is large.
};

/// A folder in the making, like `OutputFile`: files go into `path()`, `commit`
/// gives the folder its name. A folder of that name is replaced only if it
/// holds no file but such as the new one has; else nothing is written.
class OutputFolder {
 public:
  explicit OutputFolder(std::string target);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  const std::string& path() const {
    return path_;
  }

  void commit();

 private:
  std::string target_;
  std::string path_;
};

/// Writes `bytes` as the file `path`, by way of `OutputFile`.
void write_file(const std::string& path, std::string_view bytes);

/// Makes the folder of `path` if need be and tries to write there: a wrong
/// folder shows before the work, not after it.
void require_writable(const std::string& path);

/// Says of an output that it is the input or would overwrite a part of it.
///
/// Errors: OutputError if `target` is one of the files of `input`.
void require_other_file(const std::string& target, const Checkpoint& input);

} // namespace coppice
