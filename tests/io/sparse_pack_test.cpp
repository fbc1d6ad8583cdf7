#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "coppice/io/sparse_checkpoint.h"
#include "support/file_errors.h"
#include "support/safetensors_bytes.h"
#include "support/sparse_states.h"

namespace coppice::sparse_pack_test {
namespace {

using testing::decoded;
using testing::elements;
using ::testing::ElementsAre;
using testing::file_of;
using testing::random_state;
using testing::random_tensor;
using testing::saved_checkpoint;
using testing::sentence_of;
using testing::sparse_state;

/// Packs `input`, unpacks it and compares the file.
Checkpoint expect_round_trip(
    const TemporaryFolder& folder,
    const Checkpoint& input,
    const PackOptions& options = {}) {
  pack_checkpoint(input, folder.file("packed"), options);
  auto packed = open_checkpoint(folder.file("packed"));
  EXPECT_TRUE(is_packed(packed));
  unpack_checkpoint(packed, folder.file("unpacked"));
  const auto original = std::string(input.files.front()->text());
  EXPECT_TRUE(read_file(folder.file("unpacked")) == original);
  return packed;
}

class PackFloats : public ::testing::TestWithParam<Dtype> {};

TEST_P(PackFloats, StoresTheDocumentedTensorsAndComesBack) {
  const TemporaryFolder folder;
  const std::vector<std::vector<int64_t>> shapes = {
      {3, 700}, {40, 64}, {16, 8, 3, 3}, {5, 1}, {3001}, {2, 40000}};
  for (const auto& shape : shapes) {
    for (const unsigned zeros : {0u, 50u, 90u, 100u}) {
      const auto state = sparse_state(GetParam(), shape, zeros);
      const auto input = saved_checkpoint(folder, "a", state);
      for (const bool keep_rows : {false, true}) {
        const auto packed = expect_round_trip(folder, input, {keep_rows});
        const auto& back = packed.state;
        EXPECT_EQ(back.metadata.at("format"), "pt");
        if (back.find("w")) {
          continue; // Not smaller: not packed.
        }
        const auto& w = *state.find("w");
        const auto bytes = decoded(back, "w");
        ASSERT_EQ(back.find("w.compressed")->dtype, GetParam());
        ASSERT_EQ(elements<int64_t>(*back.find("w.shape")), shape);
        ASSERT_TRUE(std::memcmp(bytes.data(), w.data, bytes.size()) == 0);
        if (keep_rows) {
          const int64_t columns = shape.back();
          EXPECT_THAT(
              back.find("w.bitmask")->shape,
              ElementsAre(w.numel() / columns, (columns + 7) / 8));
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Dtypes,
    PackFloats,
    ::testing::Values(Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64),
    [](const auto& info) { return std::string(dtype_name(info.param)); });

TEST(PackCheckpoint, PacksOnlyWhatBecomesSmaller) {
  const TemporaryFolder folder;
  const auto packed = expect_round_trip(
      folder,
      saved_checkpoint(folder, "a", sparse_state(Dtype::F32, {64, 512}, 90)));
  std::vector<std::string> names;
  for (const auto& tensor : packed.state.tensors) {
    names.push_back(tensor.name);
  }
  EXPECT_THAT(
      names,
      ::testing::UnorderedElementsAre(
          "w.shape",
          "w.compressed",
          "w.bitmask",
          "w.row_offsets",
          "dense",
          "bias",
          "ids",
          "empty",
          "flags",
          "coppice.rest",
          "coppice.layout"));
}

TEST(PackCheckpoint, RoundTripsAnyContent) {
  const TemporaryFolder folder;
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random(seed);
    expect_round_trip(
        folder, saved_checkpoint(folder, "a", random_state(random)));
  }
}

TEST(PackCheckpoint, KeepsTheSizesThatThePackedFormPromises) {
  const TemporaryFolder folder;
  const auto expect_ratio = [&](Dtype dtype, unsigned zeros, double most) {
    // Rows short enough to be joined, and longer ones.
    const std::vector<std::vector<int64_t>> shapes = {{40'000, 9}, {500, 700}};
    for (const auto& shape : shapes) {
      std::mt19937_64 random(zeros);
      StateDict state;
      state.tensors = {random_tensor("w", dtype, shape, zeros, random)};
      pack_checkpoint(saved_checkpoint(folder, "a", state), folder.file("b"));
      const auto size = [&](const std::string& name) {
        return static_cast<double>(
            std::filesystem::file_size(folder.file(name)));
      };
      EXPECT_LE(size("b") / size("a"), most) << dtype_name(dtype) << shape[1];
    }
  };
  expect_ratio(Dtype::F32, 50, 0.54);
  expect_ratio(Dtype::BF16, 50, 0.57);
  expect_ratio(Dtype::F32, 90, 0.15);
  expect_ratio(Dtype::BF16, 90, 0.18);
}

TEST(PackCheckpoint, DoesNotPackTensorsWhoseNewNamesAreTaken) {
  const TemporaryFolder folder;
  auto state = sparse_state(Dtype::F32, {64, 512}, 90);
  std::mt19937_64 random(1);
  for (const auto* name :
       {"w.bitmask", "__metadata", "coppice.rest", "", "w."}) {
    state.tensors.push_back(
        random_tensor(name, Dtype::F32, {1000}, 90, random));
  }
  const auto packed =
      expect_round_trip(folder, saved_checkpoint(folder, "a", state)).state;
  EXPECT_NE(packed.find("w"), nullptr);
  EXPECT_NE(packed.find("w.bitmask.compressed"), nullptr);
  EXPECT_NE(packed.find(".compressed"), nullptr);
}

TEST(PackCheckpoint, PacksWhatIsPacked) {
  const TemporaryFolder folder;
  const auto input =
      saved_checkpoint(folder, "a", sparse_state(Dtype::F32, {64, 512}, 90));
  pack_checkpoint(input, folder.file("once"));
  expect_round_trip(folder, open_checkpoint(folder.file("once")));
}

/// A tensor in `file`.
StoredTensor tensor_in(
    const std::shared_ptr<const MappedFile>& file,
    const std::string& name,
    uint64_t begin,
    std::vector<int64_t> shape) {
  StoredTensor tensor;
  tensor.name = name;
  tensor.shape = std::move(shape);
  tensor.strides = contiguous_strides(tensor.shape);
  tensor.data = file->data() + begin;
  tensor.owner = file;
  return tensor;
}

TEST(PackCheckpoint, PacksTensorsThatOverlapOrAreElsewhere) {
  const TemporaryFolder folder;
  std::string bytes(100'000, '\0');
  for (size_t i = 0; i < bytes.size(); i += 17) {
    bytes[i] = static_cast<char>(i % 251);
  }
  const auto file = file_of(bytes, "archive.pt");
  Checkpoint input;
  input.format = CheckpointFormat::TorchSave;
  input.files = {file};
  auto strided = tensor_in(file, "strided", 90'000, {10, 20});
  strided.strides = {1, 10};
  auto quantized = tensor_in(file, "quantized", 95'000, {1000});
  quantized.dtype = Dtype::QINT8;
  auto same_name = tensor_in(file, "part", 80'001, {1000});
  std::mt19937_64 random(1);
  input.state.tensors = {
      tensor_in(file, "part", 1003, {100}),
      tensor_in(file, "whole", 1003, {100, 100}), // Unaligned, and larger.
      tensor_in(file, "tied", 1003, {100, 100}),
      tensor_in(file, "across", 40'000, {1000}),
      tensor_in(file, "\xff", 60'000, {1000}),
      same_name,
      strided,
      quantized,
      random_tensor("elsewhere", Dtype::F32, {1000}, 90, random)};
  input.state.metadata = {{"version", "\xff"}};
  const auto packed = expect_round_trip(folder, input).state;
  EXPECT_EQ(packed.metadata.at("coppice.container"), "torch.save archive");
  EXPECT_NE(packed.find("whole.compressed"), nullptr);
  EXPECT_NE(packed.find("part.compressed"), nullptr);
  EXPECT_EQ(packed.find("elsewhere"), nullptr);
}

TEST(PackCheckpoint, BringsShardsBackAsAFolder) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("model"));
  std::mt19937_64 random(1);
  for (const auto* name : {"a", "b"}) {
    StateDict state;
    state.tensors = {random_tensor(name, Dtype::BF16, {64, 700}, 70, random)};
    save_safetensors(folder.file(std::string("model/") + name), state);
  }
  const std::string index = "model/model.safetensors.index.json";
  folder.write(index, R"({ "weight_map" : {"b":"b", "a":"a"}})");
  pack_checkpoint(open_checkpoint(folder.file(index)), folder.file("packed"));
  const auto packed = open_checkpoint(folder.file("packed"));
  EXPECT_EQ(
      packed.state.metadata.at("coppice.container"), "sharded safetensors");
  unpack_checkpoint(packed, folder.file("back"));
  for (const auto* name : {"a", "b", "model.safetensors.index.json"}) {
    EXPECT_TRUE(
        read_file(folder.file(std::string("back/") + name)) ==
        read_file(folder.file(std::string("model/") + name)));
  }
  EXPECT_THAT(folder.names(), ::testing::SizeIs(3));
}

TEST(PackCheckpoint, NeverOverwritesItsInput) {
  const TemporaryFolder folder;
  const auto input =
      saved_checkpoint(folder, "a", sparse_state(Dtype::F32, {64, 512}, 90));
  EXPECT_THROW(pack_checkpoint(input, folder.file("a")), OutputError);
  pack_checkpoint(input, folder.file("b"));
  const auto packed = open_checkpoint(folder.file("b"));
  EXPECT_THROW(unpack_checkpoint(packed, folder.file("b")), OutputError);
  EXPECT_THROW(unpack_checkpoint(input, folder.file("c")), FileError);
  EXPECT_THROW(pack_checkpoint(input, folder.file("no/c")), OutputError);
  EXPECT_THAT(folder.names(), ::testing::UnorderedElementsAre("a", "b"));
}

// Needs ../shared.
TEST(PackCheckpoint, PacksRealFiles) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(COPPICE_SHARED) / "data";
  if (!fs::exists(root)) {
    GTEST_SKIP() << root << " is not there";
  }
  const TemporaryFolder folder;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const auto extension = entry.path().extension();
    if (extension == ".safetensors" || extension == ".pt" ||
        extension == ".pth" || extension == ".th") {
      std::optional<Checkpoint> input;
      try {
        input = open_checkpoint(entry.path().string());
      } catch (const FileError&) {
        continue; // Other tests cover which files can be read.
      }
      if (!input->files.empty()) {
        expect_round_trip(folder, *input);
      }
    }
  }
}

} // namespace
} // namespace coppice::sparse_pack_test
