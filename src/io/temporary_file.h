#pragma once

#include <string>

namespace coppice::io {

/// A new file in `folder` without a name (O_TMPFILE) where the file system can:
/// it vanishes however the program ends. Elsewhere (NFS and others) it has an
/// unused name, and is removed by the destructor.
///
/// Functions return 0 or the `errno` of the failure.
class TemporaryFile {
 public:
  TemporaryFile() = default;
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// Creates the file, empty and open for writing.
  int open(const std::string& folder);

  int descriptor() const {
    return descriptor_;
  }

  /// Names the file `path`, in the same file system, and atomically replaces a
  /// file of that name. On failure that one is unchanged.
  int move_to(const std::string& path);

 private:
  int open_named();
  int replace(const std::string& path);

  std::string folder_;
  std::string name_; ///< Its path; empty while unnamed.
  int descriptor_ = -1;
};

/// Whether unnamed files can be created in `folder`.
bool has_unnamed_files(const std::string& folder);

/// Creates a folder with an unused name in `folder`; sets `path` to it.
int make_temporary_folder(const std::string& folder, std::string& path);

} // namespace coppice::io
