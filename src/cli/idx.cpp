#include "cli/idx.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/errors.h"
#include "cli/gzip.h"

namespace coppice::cli {
namespace {

constexpr int64_t kLargest = int64_t(1) << 30;
constexpr uint8_t kUnsignedByte = 0x08;

/// Two zero bytes, the type of the elements, the number of dimensions.
void check_magic(
    const std::string& path,
    const std::vector<uint8_t>& header,
    size_t dimensions) {
  if (header.empty()) {
    throw InputError(fmt::format("{} is empty: fetch it again.", path));
  }
  if (header.size() < 4 || header[0] != 0 || header[1] != 0) {
    throw InputError(fmt::format(
        "{} is not an IDX file: it must begin with two zero bytes.", path));
  }
  if (header[2] != kUnsignedByte) {
    throw InputError(fmt::format(
        "{} holds elements of IDX type 0x{:02x}, where unsigned bytes (0x08) "
        "are expected.",
        path,
        header[2]));
  }
  if (header[3] != dimensions) {
    throw InputError(fmt::format(
        "{} has {} dimensions in its header, where {} are expected: images "
        "have 3 and labels 1.",
        path,
        header[3],
        dimensions));
  }
}

/// Four bytes a size, the highest first.
std::vector<int64_t> parse_sizes(const std::vector<uint8_t>& header) {
  std::vector<int64_t> sizes;
  for (size_t at = 4; at + 4 <= header.size(); at += 4) {
    sizes.push_back(
        (int64_t(header[at]) << 24) | (int64_t(header[at + 1]) << 16) |
        (int64_t(header[at + 2]) << 8) | int64_t(header[at + 3]));
  }
  return sizes;
}

/// The product of `sizes`, which no file can make overflow.
int64_t checked_product(
    const std::string& path,
    const std::vector<int64_t>& sizes) {
  int64_t product = 1;
  for (const int64_t size : sizes) {
    if (size == 0) {
      throw InputError(fmt::format(
          "{} says in its header that it holds nothing (size {}).",
          path,
          fmt::join(sizes, "x")));
    }
    if (size > kLargest / product) {
      throw InputError(fmt::format(
          "{} says in its header that it holds {} bytes, more than the 1 GiB "
          "that is read.",
          path,
          fmt::join(sizes, "x")));
    }
    product *= size;
  }
  return product;
}

} // namespace

Idx read_idx(const std::string& path, size_t dimensions) {
  GzipReader reader(path);
  auto header = reader.read(4);
  check_magic(path, header, dimensions);
  const auto rest = reader.read(4 * dimensions);
  header.insert(header.end(), rest.begin(), rest.end());
  if (rest.size() < 4 * dimensions) {
    throw InputError(fmt::format(
        "{} ends inside its header, after {} bytes: fetch it again.",
        path,
        header.size()));
  }

  Idx idx{parse_sizes(header), {}};
  const int64_t expected = checked_product(path, idx.sizes);
  idx.bytes = reader.read(expected);
  if (static_cast<int64_t>(idx.bytes.size()) < expected) {
    throw InputError(fmt::format(
        "{} is cut short: its header says {} = {} bytes, but {} follow.",
        path,
        fmt::join(idx.sizes, "x"),
        expected,
        idx.bytes.size()));
  }
  if (!reader.read(1).empty()) {
    throw InputError(fmt::format(
        "{} goes on after the {} bytes that its header says ({}).",
        path,
        expected,
        fmt::join(idx.sizes, "x")));
  }
  return idx;
}

} // namespace coppice::cli
