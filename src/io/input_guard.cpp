#include "io/input_guard.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <optional>
#include <utility>

namespace coppice {
namespace {

namespace fs = std::filesystem;

/// Identifies a file regardless of its name.
using FileId = std::pair<dev_t, ino_t>;

std::optional<FileId> id_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    return std::nullopt;
  }
  return FileId(status.st_dev, status.st_ino);
}

/// The locations of the symbolic links on the path to a file and, last, of the
/// file itself. Only the last component of each can be a link.
std::vector<fs::path> locations_of(const std::string& path) {
  constexpr size_t kMaxLinks = 64; // More than any kernel follows.
  std::vector<fs::path> locations;
  const auto whole = fs::absolute(path);
  std::deque<fs::path> rest(whole.begin(), whole.end());
  fs::path at;
  while (!rest.empty() && locations.size() < kMaxLinks) {
    const auto next = rest.front();
    rest.pop_front();
    if (next == "..") {
      at = at.parent_path();
      continue;
    }
    if (next.empty() || next == ".") {
      continue;
    }
    std::error_code error;
    const auto target = fs::read_symlink(at / next, error);
    if (error) { // Not a link.
      at /= next;
      continue;
    }
    locations.push_back(at / next);
    rest.insert(rest.begin(), target.begin(), target.end());
  }
  locations.push_back(at);
  return locations;
}

bool lies_in(const fs::path& place, const FileId& folder) {
  for (auto above = place.parent_path();; above = above.parent_path()) {
    if (id_of(above) == folder) {
      return true;
    }
    if (above == above.parent_path()) {
      return false;
    }
  }
}

[[noreturn]] void fail_containing(
    const std::string& output,
    const std::string& input) {
  throw OutputError(fmt::format(
      "{} contains the input {}, which is never overwritten: choose another "
      "output folder.",
      output,
      input));
}

void require_folder_without(
    const std::string& output,
    const FileId& folder,
    const std::vector<std::string>& inputs) {
  std::vector<std::optional<FileId>> ids;
  for (const auto& input : inputs) {
    ids.push_back(id_of(input));
    if (!ids.back()) {
      continue; // It does not exist.
    }
    const auto locations = locations_of(input);
    if (std::any_of(
            locations.begin(), locations.end(), [&](const fs::path& place) {
              return lies_in(place, folder);
            })) {
      fail_containing(output, input);
    }
  }
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(output, ignored)) {
    const auto id = id_of(entry.path());
    const auto same = std::find(ids.begin(), ids.end(), id);
    if (id && same != ids.end()) {
      fail_containing(output, inputs[same - ids.begin()]);
    }
  }
}

} // namespace

std::vector<std::string> paths_of(const Checkpoint& checkpoint) {
  std::vector<std::string> paths;
  paths.reserve(checkpoint.files.size());
  for (const auto& file : checkpoint.files) {
    paths.push_back(file->path());
  }
  return paths;
}

void require_other_file(
    const std::string& output,
    const std::vector<std::string>& inputs) {
  const auto id = id_of(output);
  if (!id) { // Nothing can be lost.
    return;
  }
  for (const auto& input : inputs) {
    if (id_of(input) == id) {
      throw OutputError(fmt::format(
          "{} is the input itself, which is never overwritten: choose another "
          "output.",
          output));
    }
  }
  if (fs::is_directory(output)) {
    require_folder_without(output, *id, inputs);
  }
}

void require_other_file(const std::string& output, const Checkpoint& input) {
  require_other_file(output, paths_of(input));
}

} // namespace coppice
