#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "support/temporary_folder.h"

namespace coppice::cli {

/// An IDX header and then `bytes`, whether they belong together or not.
inline std::string idx_bytes(
    const std::vector<uint32_t>& sizes,
    const std::string& bytes) {
  std::string file{'\0', '\0', '\x08', static_cast<char>(sizes.size())};
  for (const uint32_t size : sizes) {
    for (const int shift : {24, 16, 8, 0}) {
      file += static_cast<char>(size >> shift);
    }
  }
  return file + bytes;
}

/// `count` images of 28x28 pixels, each as bright as its label.
inline std::string image_idx(uint32_t count) {
  std::string pixels;
  for (uint32_t i = 0; i < count; ++i) {
    pixels += std::string(28 * 28, static_cast<char>(20 * (i % 10)));
  }
  return idx_bytes({count, 28, 28}, pixels);
}

inline std::string label_idx(uint32_t count) {
  std::string labels;
  for (uint32_t i = 0; i < count; ++i) {
    labels += static_cast<char>(i % 10);
  }
  return idx_bytes({count}, labels);
}

/// The four files of a data set of 40 and 20 images.
inline void write_image_folder(const TemporaryFolder& folder) {
  folder.write("train-images-idx3-ubyte", image_idx(40));
  folder.write("train-labels-idx1-ubyte", label_idx(40));
  folder.write("t10k-images-idx3-ubyte", image_idx(20));
  folder.write("t10k-labels-idx1-ubyte", label_idx(20));
}

inline std::string gzipped(const std::string& bytes) {
  const TemporaryFolder folder;
  gzFile file = gzopen(folder.file("a.gz").c_str(), "wb");
  gzwrite(file, bytes.data(), bytes.size());
  gzclose(file);
  return read_file(folder.file("a.gz"));
}

} // namespace coppice::cli
