#pragma once

#include <string>

namespace coppice::io {

/// A new file in `folder` that has no name yet, where the file system can make
/// one: whatever ends the program, nothing of it is left. Elsewhere (NFS and
/// others) it has an unused name, and goes with this object.
///
/// Functions return 0 or the `errno` of what failed.
class TemporaryFile {
 public:
  TemporaryFile() = default;
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// Makes the file, empty and open for writing.
  int open(const std::string& folder);

  int descriptor() const {
    return descriptor_;
  }

  /// Gives the file the name `path`, in the same file system: in one step, also
  /// where another file has the name. If it fails, that one is as it was.
  int move_to(const std::string& path);

 private:
  int open_named();
  int replace(const std::string& path);

  std::string folder_;
  std::string name_; ///< Its path; empty while it has none.
  int descriptor_ = -1;
};

/// Whether files without a name can be made in `folder`.
bool has_nameless_files(const std::string& folder);

/// Makes a folder of an unused name in `folder`; `path` is set to it.
int make_temporary_folder(const std::string& folder, std::string& path);

} // namespace coppice::io
