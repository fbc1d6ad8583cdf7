#include "io/output_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "io/output_steps.h"
#include "io/temporary_file.h"

namespace coppice {
namespace {

namespace fs = std::filesystem;

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

/// Errors: OutputError unless every entry of `folder` is a file with one of
/// `names`.
void require_replaceable(
    const std::string& folder,
    const std::vector<std::string>& names) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto name = entry.path().filename().string();
    const bool is_known =
        std::find(names.begin(), names.end(), name) != names.end();
    // A symbolic link to a folder is removed itself; the folder is not touched.
    if (!is_known || fs::is_directory(entry.symlink_status())) {
      throw OutputError(fmt::format(
          "{} contains {}, which would be lost: choose a folder that is new or "
          "empty.",
          folder,
          name));
    }
  }
  if (error) {
    io::fail_to_write(folder, error.value());
  }
}

/// Errors: OutputError unless a folder can be named `target`.
void require_folder_name(const std::string& target) {
  std::error_code error;
  const auto status = fs::status(target, error);
  const bool is_link = fs::is_symlink(fs::symlink_status(target, error));
  if (!fs::exists(status)) {
    if (is_link) {
      throw OutputError(fmt::format(
          "{} is a dangling link: choose another output folder.", target));
    }
    return;
  }
  if (!fs::is_directory(status)) {
    throw OutputError(fmt::format(
        "{} is not a folder, but the output is one: choose another output "
        "folder.",
        target));
  }
  if (is_link && !fs::is_empty(target, error)) {
    throw OutputError(fmt::format(
        "{} is a link to a folder with files, which would be lost: name "
        "that folder itself, or another one.",
        target));
  }
  if (fs::equivalent(target, ".", error)) {
    throw OutputError(fmt::format(
        "{} is the current folder, which cannot be replaced: choose another, "
        "such as ./sparse.",
        target));
  }
}

/// Opens the files of `folder`, so that their disk space is freed only when
/// they are closed, after the commit.
std::vector<int> hold_files(
    const std::string& folder,
    const std::vector<std::string>& names) {
  std::vector<int> held;
  for (const auto& name : names) {
    const auto path = folder + "/" + name;
    held.push_back(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  }
  return held;
}

} // namespace

OutputFolder::OutputFolder(std::string target, std::vector<std::string> names)
    : target_(without_slash(std::move(target))), names_(std::move(names)) {
  io::check_interrupted();
  require_folder_name(target_);
  std::error_code error;
  resolved_ = without_slash(fs::weakly_canonical(target_, error).string());
  if (error || resolved_.empty()) {
    fail(error ? error.value() : ENOENT);
  }
  if (fs::exists(resolved_)) {
    require_replaceable(resolved_, names_);
  }
  const auto parent = io::folder_of(resolved_);
  fs::create_directories(parent, error);
  if (error) {
    fail(error.value());
  }
  in_progress_ = std::make_unique<io::OutputInProgress>();
  made_in_ = parent;
  // Each output stays open until all are named, beside as many inputs.
  io::allow_open_files(3 * names_.size());
  if (!io::has_unnamed_files(parent)) {
    make_temporary();
    made_in_ = temporary_;
  }
}

OutputFolder::~OutputFolder() {
  files_.clear();
  if (!temporary_.empty()) {
    discard(temporary_);
  }
}

void OutputFolder::fail(int reason) const {
  io::fail_to_write(target_, reason);
}

void OutputFolder::add(
    std::string name,
    std::unique_ptr<io::TemporaryFile> file) {
  files_.emplace_back(std::move(name), std::move(file));
}

void OutputFolder::make_temporary() {
  if (const int reason =
          io::make_temporary_folder(io::folder_of(resolved_), temporary_)) {
    fail(reason);
  }
}

/// Removes files of our names and, if it is empty then, the folder.
void OutputFolder::discard(const std::string& folder) const {
  const auto held = hold_files(folder, names_);
  for (const auto& name : names_) {
    unlink((folder + "/" + name).c_str());
  }
  rmdir(folder.c_str());
  for (const int descriptor : held) {
    if (descriptor >= 0) {
      close(descriptor);
    }
  }
}

void OutputFolder::commit() {
  io::check_interrupted();
  struct stat old {};
  const bool replaces = stat(resolved_.c_str(), &old) == 0;
  if (replaces) {
    require_replaceable(resolved_, names_);
  }
  if (temporary_.empty()) {
    make_temporary();
  }
  for (const auto& [name, file] : files_) {
    if (const int reason = file->move_to(temporary_ + "/" + name)) {
      fail(reason);
    }
  }
  files_.clear();
  if (replaces) {
    chmod(temporary_.c_str(), old.st_mode & 07777);
  }
  if (rename(temporary_.c_str(), resolved_.c_str()) == 0) {
    temporary_.clear();
  } else if (errno != ENOTEMPTY && errno != EEXIST) {
    fail(errno);
  } else if (
      renameat2(
          AT_FDCWD,
          temporary_.c_str(),
          AT_FDCWD,
          resolved_.c_str(),
          RENAME_EXCHANGE) != 0) {
    // RENAME_EXCHANGE swaps the two atomically.
    fail(errno);
  }
  if (!temporary_.empty()) {
    discard(temporary_); // The old folder.
    temporary_.clear();
  }
  io::flush_folder(resolved_);
  io::flush_folder(io::folder_of(resolved_));
}

} // namespace coppice
