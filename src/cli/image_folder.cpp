#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "cli/errors.h"
#include "cli/image_set.h"

namespace coppice::cli {
namespace {

namespace fs = std::filesystem;

/// One of the four files of such a folder.
struct Role {
  std::string usual_name; ///< Without `.gz`.
  bool is_train;
  std::string kind; ///< Part of the name, as is `train`, or `t10k` or `test`.
};

const Role kTrainImages{"train-images-idx3-ubyte", true, "images"};
const Role kTrainLabels{"train-labels-idx1-ubyte", true, "labels"};
const Role kTestImages{"t10k-images-idx3-ubyte", false, "images"};
const Role kTestLabels{"t10k-labels-idx1-ubyte", false, "labels"};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() &&
      text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool fits(const std::string& name, const Role& role) {
  const bool is_ubyte = ends_with(name, "ubyte") || ends_with(name, "ubyte.gz");
  // "latest-train-images" holds "test", too.
  const bool is_train = holds(name, "train");
  const bool is_test =
      !is_train && (holds(name, "t10k") || holds(name, "test"));
  return is_ubyte && holds(name, role.kind) &&
      (role.is_train ? is_train : is_test);
}

std::vector<std::string> file_names(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  fs::directory_iterator entry(folder, error);
  while (!error && entry != fs::directory_iterator()) {
    names.push_back(entry->path().filename().string());
    entry.increment(error);
  }
  if (error) {
    throw InputError(fmt::format(
        "the data folder {} cannot be read: {}.", folder, error.message()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string find(
    const std::string& folder,
    const std::vector<std::string>& names,
    const Role& role) {
  for (const auto& usual : {role.usual_name, role.usual_name + ".gz"}) {
    if (std::binary_search(names.begin(), names.end(), usual)) {
      return (fs::path(folder) / usual).string();
    }
  }
  std::vector<std::string> fitting;
  for (const auto& name : names) {
    if (fits(name, role)) {
      fitting.push_back(name);
    }
  }
  if (fitting.empty()) {
    throw InputError(fmt::format(
        "the data folder {} holds no {} or {}.gz: add it.",
        folder,
        role.usual_name,
        role.usual_name));
  }
  if (fitting.size() > 1) {
    throw InputError(fmt::format(
        "the data folder {} holds both {} and {}: rename the one to read to "
        "{}.",
        folder,
        fitting[0],
        fitting[1],
        role.usual_name));
  }
  return (fs::path(folder) / fitting[0]).string();
}

} // namespace

ImageData read_image_folder(const std::string& folder) {
  const auto names = file_names(folder);
  const auto path = [&](const Role& role) { return find(folder, names, role); };
  // Names first: a missing file shows before a large one was read.
  const std::string train_images = path(kTrainImages);
  const std::string train_labels = path(kTrainLabels);
  const std::string test_images = path(kTestImages);
  const std::string test_labels = path(kTestLabels);
  return {
      folder,
      read_image_set(train_images, train_labels),
      read_image_set(test_images, test_labels)};
}

} // namespace coppice::cli
