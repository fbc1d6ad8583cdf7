#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/output_file.h"

namespace coppice {

/// A folder that replaces its target atomically, like `OutputFile`. Its files
/// are created by `OutputFile(folder, name)`; `commit` names them and the
/// folder.
///
/// An existing folder is replaced only if all its entries are files with names
/// of the new one; otherwise nothing is written. A symbolic link to a nonempty
/// folder is refused, and so is the current folder.
///
/// A kill leaves the old folder or the new one complete. While the files are
/// being named, it can also leave a folder `coppice-tmp-PID-N` beside it. File
/// systems without O_TMPFILE have that folder from the start.
class OutputFolder {
 public:
  /// `names` of all its files.
  ///
  /// Errors of all members: OutputError.
  OutputFolder(std::string target, std::vector<std::string> names);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  void commit();

 private:
  friend class OutputFile;

  void add(std::string name, std::unique_ptr<io::TemporaryFile> file);
  void make_temporary();
  void discard(const std::string& folder) const;
  [[noreturn]] void fail(int reason) const;

  std::string target_; ///< As passed.
  std::vector<std::string> names_;
  std::string resolved_;  ///< `target_` without links.
  std::string made_in_;   ///< Where its files are created.
  std::string temporary_; ///< The temporary folder; empty if there is none.
  std::unique_ptr<io::OutputInProgress> in_progress_;
  std::vector<std::pair<std::string, std::unique_ptr<io::TemporaryFile>>>
      files_;
};

} // namespace coppice
