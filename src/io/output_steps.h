#pragma once

#include <cstdint>
#include <string>

/// What files and folders in the making have in common.
namespace coppice::io {

/// One output more that `interrupt_output` can cut short, for as long as it
/// lives.
class OutputInProgress {
 public:
  OutputInProgress();
  ~OutputInProgress();
  OutputInProgress(const OutputInProgress&) = delete;
  OutputInProgress& operator=(const OutputInProgress&) = delete;
};

/// Errors: Interrupted, after `interrupt_output`.
void check_interrupted();

/// Throws the OutputError for `target` that could not be written because of the
/// `errno` `reason`.
[[noreturn]] void fail_to_write(const std::string& target, int reason);

/// Errors: OutputError if the disk of `target` has no room for `size` bytes.
void require_room(const std::string& target, uint64_t size);

/// The folder in which `path` lies; "." for a name alone.
std::string folder_of(const std::string& path);

/// A name is on the disk when its folder is. Some file systems refuse.
void flush_folder(const std::string& folder);

/// That a file can get the name `target`, whether or not one has it: it is no
/// folder, no device, and nothing of the system's own. A link is replaced
/// itself, and what it leads to stays.
///
/// Errors: OutputError.
void require_file_name(const std::string& target);

/// Gives the new file the permissions and, where that is allowed, the owner of
/// the file that it will replace, if there is one.
void take_permissions(int descriptor, const std::string& target);

} // namespace coppice::io
