#include "oneshot/free_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

namespace coppice::oneshot {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

/// What the memory controllers of a version call things.
struct Names {
  const char* limit;
  const char* usage;
  const char* inactive_files;
  const char* active_files;
};

constexpr Names kVersion1{
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "total_inactive_file",
    "total_active_file"};
constexpr Names kVersion2{
    "memory.max",
    "memory.current",
    "inactive_file",
    "active_file"};

/// The number of a file that holds nothing else; none for "max".
std::optional<uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  uint64_t number = 0;
  return file >> number ? std::make_optional(number) : std::nullopt;
}

/// The number behind a word at the begin of a line; 0 if there is none.
uint64_t number_after(const std::string& path, const std::string& word) {
  std::ifstream file(path);
  std::string first;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    uint64_t number = 0;
    if (words >> first >> number && first == word) {
      return number;
    }
  }
  return 0;
}

uint64_t left_in_group(const std::string& folder, const Names& names) {
  const auto limit = number_in(folder + names.limit);
  const auto usage = number_in(folder + names.usage);
  if (!limit || !usage) {
    return kNoLimit;
  }
  const auto files =
      number_after(folder + "memory.stat", names.inactive_files) +
      number_after(folder + "memory.stat", names.active_files);
  const auto taken = *usage - std::min(*usage, files);
  return *limit - std::min(*limit, taken);
}

/// What is left in a group and in those that hold it. A container shows its own
/// group in the place of the first one, under the path that it has outside.
uint64_t
left_in_groups(const std::string& mount, std::string path, const Names& names) {
  uint64_t left = left_in_group(mount + "/", names);
  while (path.size() > 1) {
    left = std::min(left, left_in_group(mount + path + "/", names));
    path.resize(path.rfind('/'));
  }
  return left;
}

uint64_t left_of_limits(const std::string& root) {
  uint64_t left = kNoLimit;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) { // "4:memory:/a/b"
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const auto controllers =
        "," + line.substr(first + 1, second - first - 1) + ",";
    const auto path = line.substr(second + 1);
    if (controllers == ",,") {
      left = std::min(
          left, left_in_groups(root + "/sys/fs/cgroup", path, kVersion2));
    } else if (controllers.find(",memory,") != std::string::npos) {
      left = std::min(
          left,
          left_in_groups(root + "/sys/fs/cgroup/memory", path, kVersion1));
    }
  }
  return left;
}

} // namespace

uint64_t free_memory(const std::string& root) {
  constexpr uint64_t kKiB = 1024;
  return std::min(
      kKiB * number_after(root + "/proc/meminfo", "MemAvailable:"),
      left_of_limits(root));
}

} // namespace coppice::oneshot
