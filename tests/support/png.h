#pragma once

#include <png.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace coppice::testing {

/// A PNG file, decoded.
struct Png {
  uint32_t width = 0;
  uint32_t height = 0;
  int bits = 0;  ///< Of a channel, in the file.
  int color = 0; ///< In the file: 2 RGB, 3 index into the palette, 6 RGBA.
  std::vector<uint8_t> rgba;

  const uint8_t* pixel(uint32_t x, uint32_t y) const {
    return &rgba.at(4 * (static_cast<size_t>(y) * width + x));
  }
  /// 0xRRGGBB
  uint32_t rgb(uint32_t x, uint32_t y) const {
    const auto* const p = pixel(x, y);
    return uint32_t(p[0]) << 16 | uint32_t(p[1]) << 8 | p[2];
  }
  /// 0 to 255.
  int opacity(uint32_t x, uint32_t y) const {
    return pixel(x, y)[3];
  }
  /// The step of opacity, of 15.
  int shade(uint32_t x, uint32_t y) const {
    return opacity(x, y) / 17;
  }
};

/// Errors: std::runtime_error if the file is damaged.
inline Png decoded_png(const std::string& file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&image, file.data(), file.size())) {
    throw std::runtime_error(image.message);
  }
  image.format = PNG_FORMAT_RGBA;
  Png png;
  png.width = image.width;
  png.height = image.height;
  // After the signature, and the length and the name of the first chunk.
  png.bits = file.at(24);
  png.color = file.at(25);
  png.rgba.resize(PNG_IMAGE_SIZE(image));
  if (!png_image_finish_read(&image, nullptr, png.rgba.data(), 0, nullptr)) {
    throw std::runtime_error(image.message);
  }
  return png;
}

} // namespace coppice::testing
