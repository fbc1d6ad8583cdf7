#pragma once

#include <torch/types.h>

#include <string>

struct ImageSet {
  torch::Tensor images; ///< [n, 1, 28, 28] kByte, grey levels.
  torch::Tensor labels; ///< [n] kLong, 0 to 9.

  int64_t size() const {
    return labels.size(0);
  }
};

/// Reads the images and labels of a set ("train" or "t10k") of MNIST or
/// Fashion-MNIST: IDX files, plain or gzip, under their usual names.
///
/// Errors: std::runtime_error, one sentence that names the file.
ImageSet read_images(const std::string& folder, const std::string& set);

/// The bytes that `bytes` take as a gzip file.
int64_t gzip_size(const std::string& bytes);
