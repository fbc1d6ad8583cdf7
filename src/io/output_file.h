#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "coppice/io/checkpoint.h"
#include "io/input_guard.h"

namespace coppice {

namespace io {
class BlockWriter;
class OutputInProgress;
class TemporaryFile;
} // namespace io

class OutputFolder;

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

/// A file in the making: written without a name in its target's folder, flushed
/// to the disk, then given its name in one step. A kill at any moment leaves
/// the old file or the new one, and nothing else but in the microsecond between
/// the two calls that replace a file: then `coppice-tmp-PID-N` is left beside
/// it. File systems that know no files without a name (NFS, some network and
/// overlay ones) have that name there from the start. An error leaves the old
/// file and nothing else.
///
/// The new file has the permissions of the one it replaces, or those that the
/// umask gives. A target that is a link is replaced itself; the file that it
/// leads to stays as it is.
///
/// Errors: OutputError from every function that writes.
class OutputFile {
 public:
  /// `size`, where it is known, is asked of the disk before anything is
  /// written: one without room for it is told at once.
  ///
  /// Errors: OutputError also if `target` is a folder or a device.
  explicit OutputFile(std::string target, uint64_t size = 0);
  /// A file of `folder`, which gives it the name `name` in its own `commit`.
  OutputFile(OutputFolder& folder, const std::string& name, uint64_t size = 0);
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
  void open(const std::string& folder, uint64_t size);
  [[noreturn]] void fail(int reason) const;
  void finish_blocks();
  void close();

  std::string target_;
  OutputFolder* folder_ = nullptr; ///< Of a file that is one of several.
  std::string name_;               ///< In `folder_`.
  std::unique_ptr<io::OutputInProgress> in_progress_;
  std::unique_ptr<io::TemporaryFile> file_; ///< Null once it is finished.
  uint64_t size_ = 0;
  std::unique_ptr<io::BlockWriter> blocks_; ///< Of a file that is large.
};

/// Writes `bytes` as the file `path`, by way of `OutputFile`.
void write_file(const std::string& path, std::string_view bytes);

/// Makes the folder of `path` if need be and tries to write there: a wrong
/// folder shows before the work, not after it. Leaves nothing else.
///
/// Errors: OutputError.
void require_writable(const std::string& path);

} // namespace coppice
