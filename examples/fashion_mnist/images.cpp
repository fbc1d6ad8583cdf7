#include "images.h"

#include <torch/torch.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

/// The file, or else the same with `.gz`.
std::string path_of(const std::string& folder, const std::string& name) {
  const auto plain = std::filesystem::path(folder) / name;
  for (const auto& path : {plain.string(), plain.string() + ".gz"}) {
    if (std::filesystem::is_regular_file(path)) {
      return path;
    }
  }
  throw std::runtime_error(
      "there is no " + plain.string() +
      ", plain or .gz: install dataset-fashion-mnist, or name another folder "
      "with --data.");
}

/// The contents of a file, plain or gzip, which zlib detects.
std::string unzipped(const std::string& path) {
  const std::unique_ptr<gzFile_s, decltype(&gzclose)> file(
      gzopen(path.c_str(), "rb"), &gzclose);
  std::vector<char> piece(1 << 20);
  std::string bytes;
  int count = file ? 1 : -1;
  while (count > 0) {
    count = gzread(file.get(), piece.data(), piece.size());
    bytes.append(piece.data(), std::max(count, 0));
  }
  if (count < 0) {
    throw std::runtime_error(path + " cannot be read: fetch it again.");
  }
  return bytes;
}

/// IDX: two zero bytes, 8 for unsigned bytes, the number of dimensions, four
/// bytes a size with the highest first, and the elements row by row.
///
/// Source: Yann LeCun, "The MNIST database of handwritten digits".
torch::Tensor read_idx(const std::string& path, int64_t dimensions) {
  const std::string bytes = unzipped(path);
  const int64_t header = 4 + 4 * dimensions;
  const std::string magic{0, 0, 8, static_cast<char>(dimensions)};
  if (static_cast<int64_t>(bytes.size()) < header ||
      bytes.compare(0, 4, magic) != 0) {
    throw std::runtime_error(
        path + " is not an IDX file of unsigned bytes with " +
        std::to_string(dimensions) + " dimension(s).");
  }
  std::vector<int64_t> sizes;
  // Dividing step by step cannot overflow, unlike a product of sizes.
  int64_t left = static_cast<int64_t>(bytes.size()) - header;
  for (int64_t at = 4; at < header; at += 4) {
    int64_t size = 0;
    for (int64_t i = at; i < at + 4; ++i) {
      size = 256 * size + static_cast<unsigned char>(bytes[i]);
    }
    left = size > 0 && left % size == 0 ? left / size : 0;
    sizes.push_back(size);
  }
  if (left != 1) {
    throw std::runtime_error(
        path + " is cut short or too long for its header: fetch it again.");
  }
  return torch::from_blob(
             const_cast<char*>(bytes.data()) + header, sizes, torch::kByte)
      .clone();
}

} // namespace

ImageSet read_images(const std::string& folder, const std::string& set) {
  const auto image_path = path_of(folder, set + "-images-idx3-ubyte");
  const auto label_path = path_of(folder, set + "-labels-idx1-ubyte");
  const auto images = read_idx(image_path, 3).unsqueeze(1);
  const auto labels = read_idx(label_path, 1).to(torch::kLong);
  if (images.size(2) != 28 || images.size(3) != 28) {
    throw std::runtime_error(
        image_path + " holds images of another size than 28x28.");
  }
  if (images.size(0) != labels.size(0)) {
    throw std::runtime_error(
        image_path + " and " + label_path +
        " do not hold as many images as labels.");
  }
  if (labels.max().item<int64_t>() > 9) {
    throw std::runtime_error(label_path + " holds labels above 9.");
  }
  return {images, labels};
}

int64_t gzip_size(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::vector<Bytef> zipped(size);
  compress(
      zipped.data(),
      &size,
      reinterpret_cast<const Bytef*>(bytes.data()),
      bytes.size());
  constexpr int64_t kLongerHeader = 12; // A gzip header is longer than zlib's.
  return static_cast<int64_t>(size) + kLongerHeader;
}
