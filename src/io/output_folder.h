#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/output_file.h"

namespace coppice {

/// A folder in the making, like `OutputFile`. Its files are made by
/// `OutputFile(folder, name)`; `commit` gives them and the folder their names,
/// in one step for whoever looks.
///
/// A folder of that name is replaced only if it holds nothing but files of the
/// names that the new one has; else nothing is written. A link to a folder that
/// holds anything is not followed, and the current folder not replaced.
///
/// A kill leaves the old folder or the new one whole, and nothing else but for
/// the time that it takes to name the files: then `coppice-tmp-PID-N` is left
/// beside it, a folder. File systems without nameless files have that one from
/// the start.
class OutputFolder {
 public:
  /// `names` are those of all files that it will hold.
  ///
  /// Errors: OutputError, here and below.
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

  std::string target_; ///< As it was given.
  std::vector<std::string> names_;
  std::string place_;     ///< `target_` without links.
  std::string made_in_;   ///< Where its files are made.
  std::string temporary_; ///< The folder before it has its name, if it is made.
  std::unique_ptr<io::OutputInProgress> in_progress_;
  std::vector<std::pair<std::string, std::unique_ptr<io::TemporaryFile>>>
      files_;
};

} // namespace coppice
