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

/// What a file is on the disk, whatever it is called.
using FileId = std::pair<dev_t, ino_t>;

std::optional<FileId> id_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    return std::nullopt;
  }
  return FileId(status.st_dev, status.st_ino);
}

/// Where the links on the way to a file lie and, last, the file: paths without
/// links but the last name.
std::vector<fs::path> places_of(const std::string& path) {
  constexpr size_t kMostLinks = 64; // More than any system follows.
  std::vector<fs::path> places;
  const auto whole = fs::absolute(path);
  std::deque<fs::path> rest(whole.begin(), whole.end());
  fs::path at;
  while (!rest.empty() && places.size() < kMostLinks) {
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
    if (error) { // It is no link.
      at /= next;
      continue;
    }
    places.push_back(at / next);
    rest.insert(rest.begin(), target.begin(), target.end());
  }
  places.push_back(at);
  return places;
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

[[noreturn]] void fail_as_holder(
    const std::string& output,
    const std::string& input) {
  throw OutputError(fmt::format(
      "{} holds the input {}, which is never overwritten: choose another "
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
      continue; // It is not there.
    }
    const auto places = places_of(input);
    if (std::any_of(places.begin(), places.end(), [&](const fs::path& place) {
          return lies_in(place, folder);
        })) {
      fail_as_holder(output, input);
    }
  }
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(output, ignored)) {
    const auto id = id_of(entry.path());
    const auto same = std::find(ids.begin(), ids.end(), id);
    if (id && same != ids.end()) {
      fail_as_holder(output, inputs[same - ids.begin()]);
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
