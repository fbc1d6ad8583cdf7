// Checkpoints from other projects, in ../shared/data: each can be opened and
// has the content that PyTorch finds. Skipped if the folder or python3-torch is
// missing.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <sstream>

#include "coppice/io/checkpoint.h"
#include "support/reference_python.h"

namespace coppice::checkpoint_data_test {
namespace {

namespace fs = std::filesystem;
using Lines = std::map<std::string, std::string>; // Name to the rest.

std::vector<std::string> torch_files() {
  std::vector<std::string> files;
  for (const std::string folder : {"models", "parsers/candle", "parsers/tch"}) {
    const fs::path path = fs::path(COPPICE_SHARED) / "data" / folder;
    if (!fs::exists(path)) {
      continue;
    }
    for (const auto& entry : fs::directory_iterator(path)) {
      const std::string end = entry.path().extension();
      if (end == ".pt" || end == ".pth" || end == ".th" || end == ".jit" ||
          end == ".ptl" || end == ".pt1") {
        files.push_back(entry.path());
      }
    }
  }
  return files;
}

std::string torch_name(Dtype dtype) {
  static const std::map<Dtype, std::string> names = {
      {Dtype::F32, "float32"}, {Dtype::I64, "int64"}, {Dtype::BOOL, "bool"}};
  return names.at(dtype);
}

/// The checksum of the elements in row-major order.
uint32_t checksum(const StoredTensor& tensor) {
  const size_t width = dtype_bits(tensor.dtype) / 8;
  std::vector<int64_t> index(tensor.shape.size(), 0);
  uint32_t crc = 0;
  for (int64_t left = tensor.numel(); left > 0; --left) {
    int64_t at = 0;
    for (size_t i = 0; i < index.size(); ++i) {
      at += index[i] * tensor.strides[i];
    }
    crc = crc32_z(
        crc, reinterpret_cast<const Bytef*>(tensor.data) + at * width, width);
    for (size_t i = index.size(); i-- > 0;) {
      if (++index[i] < tensor.shape[i]) {
        break;
      }
      index[i] = 0;
    }
  }
  return crc;
}

Lines ours(const std::string& path) {
  Lines lines;
  for (const auto& tensor : open_checkpoint(path).state.tensors) {
    if (tensor.fixed_because.empty()) {
      lines[tensor.name] = fmt::format(
          "{}|{}|{}",
          torch_name(tensor.dtype),
          fmt::join(tensor.shape, ","),
          checksum(tensor));
    }
  }
  return lines;
}

/// The tensors that Python lists, by file.
std::map<std::string, Lines> theirs(const std::vector<std::string>& files) {
  std::string arguments = "list";
  for (const auto& file : files) {
    arguments += " '" + file + "'";
  }
  std::istringstream output(run_reference("io/torch_values.py", arguments));
  std::map<std::string, Lines> all;
  std::string line;
  std::string file;
  while (std::getline(output, line)) {
    if (line[0] == '#') {
      file = line.substr(1);
      all[file];
    } else if (const auto bar = line.find('|'); bar != std::string::npos) {
      all[file][line.substr(0, bar)] = line.substr(bar + 1);
    }
  }
  return all;
}

TEST(CheckpointData, HoldsWhatPyTorchFinds) {
  const auto files = torch_files();
  if (files.empty()) {
    GTEST_SKIP() << "there is no ../shared/data";
  }
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  const auto expected = theirs(files);
  EXPECT_EQ(expected.size(), files.size());
  for (const auto& [file, lines] : expected) {
    SCOPED_TRACE(file);
    const auto found = ours(file);
    // TorchScript also has attributes; a state dictionary does not.
    for (const auto& [name, rest] : lines) {
      const auto one = found.find(name);
      ASSERT_NE(one, found.end()) << name;
      EXPECT_EQ(one->second, rest) << name;
    }
  }
}

TEST(CheckpointData, ChecksumsAreThoseOfTheBytes) {
  const auto files = torch_files();
  if (files.empty()) {
    GTEST_SKIP() << "there is no ../shared/data";
  }
  for (const auto& path : files) {
    SCOPED_TRACE(path);
    const auto checkpoint = open_checkpoint(path);
    for (const auto& sum : checkpoint.checksums) {
      const auto* data = checkpoint.files.at(sum.file)->data();
      const auto expected = static_cast<uint32_t>(crc32_z(
          0,
          reinterpret_cast<const Bytef*>(data + sum.covered.begin),
          sum.covered.end - sum.covered.begin));
      EXPECT_GE(sum.places.size(), 2u);
      for (const uint64_t place : sum.places) {
        uint32_t stored = 0;
        std::memcpy(&stored, data + place, sizeof stored);
        EXPECT_EQ(stored, expected);
      }
    }
  }
}

TEST(CheckpointData, ListsTiedWeightsUnderBothNames) {
  const auto path =
      fs::path(COPPICE_SHARED) / "data/models/stories260K_tied.ts.pt";
  if (!fs::exists(path)) {
    GTEST_SKIP() << "there is no ../shared/data";
  }
  const auto checkpoint = open_checkpoint(path);
  const auto* in = checkpoint.state.find("tok_embeddings.weight");
  const auto* out = checkpoint.state.find("output.weight");
  ASSERT_TRUE(in && out);
  EXPECT_EQ(in->data, out->data);
}

TEST(CheckpointData, FixesWhatIsFrozenOrQuantized) {
  const auto folder = fs::path(COPPICE_SHARED) / "data/models";
  if (!fs::exists(folder)) {
    GTEST_SKIP() << "there is no ../shared/data";
  }
  for (const auto* name :
       {"asl_frozen_xnnpack.ptl", "vit4mnist_dynquant.ptl"}) {
    const auto checkpoint = open_checkpoint(folder / name);
    EXPECT_FALSE(checkpoint.state.tensors.empty());
    for (const auto& tensor : checkpoint.state.tensors) {
      EXPECT_NE(tensor.fixed_because, "") << tensor.name;
    }
  }
}

} // namespace
} // namespace coppice::checkpoint_data_test
