#pragma once

#include <string>
#include <vector>

namespace coppice::io {

/// A folder beside an output, in which long work keeps what it has done, so
/// that a run that was ended goes on there. Its own files are those whose names
/// begin with `coppice-`; nothing else in it is ever touched.
///
/// One run has it at a time.
class ScratchFolder {
 public:
  /// ".NAME.coppice-scratch" in the folder of `output`.
  static std::string path_for(const std::string& output);
  static bool is_there(const std::string& path);
  /// Whether a run left files in the folder `path` whose names begin with
  /// `start`, which begins with `coppice-`.
  static bool holds(const std::string& path, const std::string& start);

  /// Makes the folder if there is none.
  ///
  /// Errors: OutputError if it cannot be made, or another run has it.
  explicit ScratchFolder(std::string path);
  /// What is in it stays; an empty one goes.
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const {
    return path_;
  }
  /// The path of a file `name`, which begins with `coppice-`.
  std::string file(const std::string& name) const {
    return path_ + "/" + name;
  }
  /// Removes its own files.
  void clear();

 private:
  bool open();

  std::string path_;
  int descriptor_ = -1; ///< Of the folder; locked.
};

} // namespace coppice::io
