#pragma once

#include <cstdint>
#include <string>

/// Shared by output files and folders.
namespace coppice::io {

/// Registers an output that `interrupt_output` can interrupt, for its lifetime.
class OutputInProgress {
 public:
  OutputInProgress();
  ~OutputInProgress();
  OutputInProgress(const OutputInProgress&) = delete;
  OutputInProgress& operator=(const OutputInProgress&) = delete;
};

/// Errors: Interrupted, after `interrupt_output`.
void check_interrupted();

/// Throws OutputError: `target` could not be written because of the `errno`
/// `reason`.
[[noreturn]] void fail_to_write(const std::string& target, int reason);

/// Errors: OutputError if the disk of `target` has less than `size` bytes free.
void require_disk_space(const std::string& target, uint64_t size);

/// The folder of `path`; "." for a bare name.
std::string folder_of(const std::string& path);

/// Flushes the entries of a folder to disk. Best effort: some file systems
/// refuse.
void flush_folder(const std::string& folder);

/// Raises the limit of open files to `count` beside the usual ones: hundreds of
/// shards or layers exceed the default.
void allow_open_files(uint64_t count);

/// Checks that a file can be named `target`: it is not a folder, a device or a
/// system path. A symbolic link is allowed: it is replaced, not its target.
///
/// Errors: OutputError.
void require_file_name(const std::string& target);

/// Copies the permissions and, if allowed, the owner of the file to be
/// replaced, if there is one.
void copy_permissions(int descriptor, const std::string& target);

} // namespace coppice::io
