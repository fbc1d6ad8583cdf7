#include "cli/image_set.h"

#include <ATen/Functions.h>
#include <fmt/format.h>

#include <algorithm>

#include "cli/errors.h"
#include "cli/idx.h"

namespace coppice::cli {
namespace {

torch::Tensor read_images(const std::string& path) {
  const Idx idx = read_idx(path, 3);
  if (idx.sizes[1] != kImageSide || idx.sizes[2] != kImageSide) {
    throw InputError(fmt::format(
        "{} holds images of {}x{} pixels, where 28x28 are expected.",
        path,
        idx.sizes[1],
        idx.sizes[2]));
  }
  const auto images = torch::empty(
      {idx.sizes[0], 1, kImageSide, kImageSide},
      torch::TensorOptions(at::kByte));
  std::copy(idx.bytes.begin(), idx.bytes.end(), images.data_ptr<uint8_t>());
  return images;
}

torch::Tensor read_labels(const std::string& path) {
  const Idx idx = read_idx(path, 1);
  const auto labels =
      torch::empty({idx.sizes[0]}, torch::TensorOptions(at::kLong));
  auto* label = labels.data_ptr<int64_t>();
  for (size_t i = 0; i < idx.bytes.size(); ++i) {
    if (idx.bytes[i] >= kClasses) {
      throw InputError(fmt::format(
          "{} holds the label {} at position {}, where 0 to 9 are expected.",
          path,
          idx.bytes[i],
          i));
    }
    label[i] = idx.bytes[i];
  }
  return labels;
}

} // namespace

ImageSet read_image_set(
    const std::string& images_path,
    const std::string& labels_path) {
  ImageSet set{read_images(images_path), read_labels(labels_path)};
  if (set.images.size(0) != set.size()) {
    throw InputError(fmt::format(
        "{} holds {} images, but {} holds {} labels: they must belong "
        "together.",
        images_path,
        set.images.size(0),
        labels_path,
        set.size()));
  }
  return set;
}

} // namespace coppice::cli
