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

/// Thrown by a write that `interrupt_output` interrupted.
class Interrupted : public OutputError {
 public:
  Interrupted() : OutputError("interrupted.") {}
};

/// Makes every output in progress throw Interrupted at its next write, so that
/// it is removed on unwinding, and prevents new ones. Does nothing and returns
/// false if there is none. Async-signal-safe.
bool interrupt_output() noexcept;

/// A file that replaces its target atomically. It is written without a name
/// (O_TMPFILE) in the target's folder, flushed to disk, then linked. A kill at
/// any moment leaves the old file or the new one. Replacing an existing file
/// takes two system calls; a kill between them also leaves `coppice-tmp-PID-N`
/// beside it. File systems without O_TMPFILE (NFS, some network and overlay
/// ones) use that name from the start. An error leaves the old file and nothing
/// else.
///
/// The new file has the permissions of the one it replaces, or those of the
/// umask. A symbolic link as the target is itself replaced; the file it points
/// to is unchanged.
///
/// Errors: OutputError from every function that writes.
class OutputFile {
 public:
  /// `size` in bytes, if known, is checked against the free disk space before
  /// anything is written.
  ///
  /// Errors: OutputError also if `target` is a folder or a device.
  explicit OutputFile(std::string target, uint64_t size = 0);
  /// A file of `folder`, which names it `name` in its own `commit`.
  OutputFile(OutputFolder& folder, const std::string& name, uint64_t size = 0);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, uint64_t size);
  void write(std::string_view text) {
    write(text.data(), text.size());
  }
  /// Writes a part of a file, by copy_file_range where possible.
  void copy(const MappedFile& from, ByteRange range);
  /// Replaces bytes already written; the position stays.
  void overwrite(uint64_t offset, std::string_view bytes);

  /// Bytes written so far.
  uint64_t size() const {
    return size_;
  }

  /// Flushes the file and gives it its name. Nothing may be written afterwards.
  void commit();

 private:
  void open(const std::string& folder, uint64_t size);
  [[noreturn]] void fail(int reason) const;
  void finish_blocks();
  void close();

  std::string target_;
  OutputFolder* folder_ = nullptr; ///< The folder it belongs to, if any.
  std::string name_;               ///< In `folder_`.
  std::unique_ptr<io::OutputInProgress> in_progress_;
  std::unique_ptr<io::TemporaryFile> file_; ///< Null after `commit`.
  uint64_t size_ = 0;
  std::unique_ptr<io::BlockWriter> blocks_; ///< For large files.
};

/// Writes `bytes` to `path` by `OutputFile`.
void write_file(const std::string& path, std::string_view bytes);

/// Creates the folder of `path` if needed and tests that it is writable, so
/// that a wrong path fails before the work. Leaves no file.
///
/// Errors: OutputError.
void require_writable(const std::string& path);

} // namespace coppice
