#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

namespace coppice::cli {

/// Grey pictures of 28x28 pixels, in ten classes.
constexpr int64_t kImageSide = 28;
constexpr int64_t kClasses = 10;

struct ImageSet {
  torch::Tensor images; ///< [n, 1, 28, 28] kByte
  torch::Tensor labels; ///< [n] kLong, 0 to 9

  int64_t size() const {
    return labels.size(0);
  }
};

/// What a network is trained on and what it is judged by.
struct ImageData {
  std::string source; ///< For people: "Fashion-MNIST (/usr/share/...)".
  ImageSet train;
  ImageSet test;
};

/// Reads two IDX files, plain or gzip.
///
/// Errors: InputError, which names the file, if one is no such IDX file, the
///   images are not 28x28, there are not as many labels as images, or a label
///   is above 9.
ImageSet read_image_set(
    const std::string& images_path,
    const std::string& labels_path);

/// Reads the four files of MNIST and its kin from a folder. Their names are
/// `{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]`, or anything else that
/// holds `train` or one of `t10k` and `test`, `images` or `labels`, and ends in
/// `ubyte[.gz]`, as long as one file only fits.
///
/// Errors: InputError if the folder cannot be read, a file is missing or two
///   fit, and as `read_image_set`.
ImageData read_image_folder(const std::string& folder);

/// Ten kinds of simple shapes under noise: what the demo falls back on where
/// there is no data. The same for a seed on every machine.
ImageData draw_images(uint64_t seed, int64_t train_size, int64_t test_size);

} // namespace coppice::cli
