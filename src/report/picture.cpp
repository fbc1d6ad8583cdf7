#include "coppice/report/picture.h"

#include <c10/util/Exception.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <new>

namespace coppice {
namespace {

/// Shades of a pixel: four bits, two pixels a byte.
constexpr int kShades = 16;
constexpr uint8_t kGreen[] = {0x2b, 0x8a, 0x57};
constexpr int64_t kLongestSide = int64_t(1) << 14;

void append_number(std::string& bytes, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(number >> shift);
  }
}

/// A chunk: length, name, data, checksum of the name and the data.
void append_chunk(
    std::string& png,
    const std::string& name,
    const std::string& data) {
  append_number(png, static_cast<uint32_t>(data.size()));
  const auto named = name + data;
  png += named;
  append_number(
      png,
      static_cast<uint32_t>(crc32(
          0,
          reinterpret_cast<const Bytef*>(named.data()),
          static_cast<uInt>(named.size()))));
}

std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  if (compress2(
          reinterpret_cast<Bytef*>(out.data()),
          &size,
          reinterpret_cast<const Bytef*>(bytes.data()),
          bytes.size(),
          Z_BEST_COMPRESSION) != Z_OK) {
    throw std::bad_alloc(); // All that can go wrong: the room suffices.
  }
  out.resize(size);
  return out;
}

uint8_t shade_of(float share, float most) {
  if (!(share > 0)) {
    return 0;
  }
  const float shade = std::ceil(share / most * (kShades - 1));
  return static_cast<uint8_t>(std::clamp<float>(shade, 1, kShades - 1));
}

/// Rows of pixels, each after a byte that says it is not filtered.
std::string pixels(const Picture& picture) {
  const float most = picture.most();
  std::string bytes;
  for (int64_t row = 0; row < picture.rows; ++row) {
    bytes += '\0';
    const float* const shares = picture.shares.data() + row * picture.cols;
    for (int64_t col = 0; col < picture.cols; col += 2) {
      const int left = shade_of(shares[col], most);
      const int right =
          col + 1 < picture.cols ? shade_of(shares[col + 1], most) : 0;
      bytes += static_cast<char>(left << 4 | right);
    }
  }
  return bytes;
}

std::string header(const Picture& picture) {
  std::string bytes;
  append_number(bytes, static_cast<uint32_t>(picture.cols));
  append_number(bytes, static_cast<uint32_t>(picture.rows));
  bytes += '\4';                 // Bits a pixel,
  bytes += '\3';                 // which are an index into the palette;
  bytes += std::string(3, '\0'); // all else is as usual.
  return bytes;
}

} // namespace

float Picture::most() const {
  return shares.empty() ? 0.f : *std::max_element(shares.begin(), shares.end());
}

std::string to_png(const Picture& picture) {
  TORCH_CHECK_VALUE(
      picture.rows > 0 && picture.cols > 0 && picture.rows <= kLongestSide &&
          picture.cols <= kLongestSide &&
          static_cast<int64_t>(picture.shares.size()) ==
              picture.rows * picture.cols,
      "to_png: expected rows * cols shares, at most ",
      kLongestSide,
      " a side, got ",
      picture.shares.size(),
      " for ",
      picture.rows,
      "x",
      picture.cols);
  std::string colors;
  std::string opacities;
  for (int shade = 0; shade < kShades; ++shade) {
    colors.append(std::begin(kGreen), std::end(kGreen));
    opacities += static_cast<char>(255 * shade / (kShades - 1));
  }
  std::string png = "\x89PNG\r\n\x1a\n";
  append_chunk(png, "IHDR", header(picture));
  append_chunk(png, "PLTE", colors);
  append_chunk(png, "tRNS", opacities);
  append_chunk(png, "IDAT", deflated(pixels(picture)));
  append_chunk(png, "IEND", "");
  return png;
}

} // namespace coppice
