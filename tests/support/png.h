#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace coppice::testing {

/// A PNG file, decoded; throws std::runtime_error if it is damaged. Of what the
/// format allows: no interlacing.
struct Png {
  uint32_t width = 0;
  uint32_t height = 0;
  int bits = 0;  ///< Of a channel.
  int color = 0; ///< 0 grey, 2 RGB, 3 index into the palette, 6 RGBA.
  std::string palette;
  std::string opacities;
  std::vector<std::string> rows; ///< Unfiltered bytes.

  int channels() const {
    return color == 2 ? 3 : color == 6 ? 4 : 1;
  }
  /// A pixel's value in a picture of four bits.
  int shade(uint32_t x, uint32_t y) const {
    const auto two = static_cast<unsigned char>(rows.at(y).at(x / 2));
    return x % 2 == 0 ? two >> 4 : two & 15;
  }
  /// 0xRRGGBB of a picture of eight bits.
  uint32_t rgb(uint32_t x, uint32_t y) const {
    uint32_t value = 0;
    for (int i = 0; i < 3; ++i) {
      value = value << 8 |
          static_cast<unsigned char>(rows.at(y).at(x * channels() + i));
    }
    return value;
  }
};

inline void require_png(bool is_so, const char* what) {
  if (!is_so) {
    throw std::runtime_error(std::string("not a PNG: ") + what);
  }
}

inline uint32_t png_number(const std::string& bytes, size_t at) {
  require_png(at + 4 <= bytes.size(), "cut short");
  uint32_t number = 0;
  for (size_t i = at; i < at + 4; ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return number;
}

inline std::string inflated(const std::string& bytes, size_t size) {
  std::string out(size, '\0');
  uLongf got = size;
  const int status = uncompress(
      reinterpret_cast<Bytef*>(out.data()),
      &got,
      reinterpret_cast<const Bytef*>(bytes.data()),
      bytes.size());
  require_png(status == Z_OK && got == size, "its pixels");
  return out;
}

/// Undoes the filter of each row: its value added to that of its neighbours.
inline void unfilter(Png& png, const std::string& bytes, size_t row_bytes) {
  const size_t step = (png.bits * png.channels() + 7) / 8;
  std::string above(row_bytes, '\0');
  for (uint32_t y = 0; y < png.height; ++y) {
    const char filter = bytes[y * (row_bytes + 1)];
    auto row = bytes.substr(y * (row_bytes + 1) + 1, row_bytes);
    for (size_t i = 0; i < row_bytes; ++i) {
      const auto byte = [&](const std::string& from, bool is_there) {
        const size_t at = is_there && &from == &row ? i - step : i;
        return is_there ? static_cast<unsigned char>(from[at]) : 0;
      };
      const int a = byte(row, i >= step);
      const int b = byte(above, true);
      const int c = i >= step ? static_cast<unsigned char>(above[i - step]) : 0;
      const int p = a + b - c;
      const int da = std::abs(p - a), db = std::abs(p - b),
                dc = std::abs(p - c);
      const int nearest = da <= db && da <= dc ? a : db <= dc ? b : c;
      const int guesses[] = {0, a, b, (a + b) / 2, nearest};
      require_png(filter >= 0 && filter < 5, "a filter");
      row[i] = static_cast<char>(row[i] + guesses[static_cast<int>(filter)]);
    }
    png.rows.push_back(row);
    above = std::move(row);
  }
}

inline Png decoded_png(const std::string& file) {
  Png png;
  require_png(file.substr(0, 8) == "\x89PNG\r\n\x1a\n", "its first bytes");
  std::string packed;
  std::string name;
  for (size_t at = 8; name != "IEND";) {
    const size_t size = png_number(file, at);
    require_png(at + 12 + size <= file.size(), "a chunk");
    name = file.substr(at + 4, 4);
    const auto data = file.substr(at + 8, size);
    const auto sum = crc32(
        0,
        reinterpret_cast<const Bytef*>(file.data()) + at + 4,
        static_cast<uInt>(size + 4));
    require_png(sum == png_number(file, at + 8 + size), "a checksum");
    at += 12 + size;
    if (name == "IHDR") {
      png.width = png_number(data, 0);
      png.height = png_number(data, 4);
      png.bits = data.at(8);
      png.color = data.at(9);
      require_png(data.substr(10) == std::string(3, '\0'), "interlaced");
    } else if (name == "PLTE") {
      png.palette = data;
    } else if (name == "tRNS") {
      png.opacities = data;
    } else if (name == "IDAT") {
      packed += data;
    }
  }
  const size_t row_bytes =
      (static_cast<size_t>(png.width) * png.bits * png.channels() + 7) / 8;
  unfilter(png, inflated(packed, (row_bytes + 1) * png.height), row_bytes);
  return png;
}

} // namespace coppice::testing
