#include "report/picture.h"

#include <c10/util/Exception.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace coppice {
namespace {

/// Levels of opacity: four bits.
constexpr int kShades = 16;
constexpr uint8_t kGreen[] = {0x2b, 0x8a, 0x57};
constexpr int64_t kMaxSide = int64_t(1) << 14;

uint8_t shade_of(float share, float most) {
  if (!(share > 0)) {
    return 0;
  }
  const float shade = std::ceil(share / most * (kShades - 1));
  return static_cast<uint8_t>(std::clamp<float>(shade, 1, kShades - 1));
}

/// The shade of every pixel, a byte each.
std::vector<uint8_t> shades_of(const Picture& picture) {
  const float most = picture.most();
  std::vector<uint8_t> shades;
  shades.reserve(picture.shares.size());
  for (const float share : picture.shares) {
    shades.push_back(shade_of(share, most));
  }
  return shades;
}

/// Red, green, blue and opacity of every shade.
std::vector<uint8_t> colors() {
  std::vector<uint8_t> colors;
  for (int shade = 0; shade < kShades; ++shade) {
    colors.insert(colors.end(), std::begin(kGreen), std::end(kGreen));
    colors.push_back(static_cast<uint8_t>(255 * shade / (kShades - 1)));
  }
  return colors;
}

} // namespace

float Picture::most() const {
  return shares.empty() ? 0.f : *std::max_element(shares.begin(), shares.end());
}

std::string to_png(const Picture& picture) {
  TORCH_CHECK_VALUE(
      picture.rows > 0 && picture.cols > 0 && picture.rows <= kMaxSide &&
          picture.cols <= kMaxSide &&
          static_cast<int64_t>(picture.shares.size()) ==
              picture.rows * picture.cols,
      "to_png: expected rows * cols shares, at most ",
      kMaxSide,
      " a side, got ",
      picture.shares.size(),
      " for ",
      picture.rows,
      "x",
      picture.cols);
  const auto shades = shades_of(picture);
  const auto map = colors();
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.cols);
  image.height = static_cast<png_uint_32>(picture.rows);
  image.format = PNG_FORMAT_RGBA_COLORMAP;
  image.colormap_entries = kShades;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string png(size, '\0');
  const bool is_written = png_image_write_to_memory(
      &image, png.data(), &size, 0, shades.data(), 0, map.data());
  TORCH_CHECK(is_written, "to_png: ", image.message);
  png.resize(size);
  return png;
}

} // namespace coppice
