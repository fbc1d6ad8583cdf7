#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "coppice/io/checkpoint.h"
#include "io/torch_file.h"
#include "support/file_errors.h"
#include "support/safetensors_bytes.h"
#include "support/temporary_folder.h"

namespace coppice::safetensors_index_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::safetensors;
using testing::sentence_of;
using ::testing::StartsWith;

std::string shard(const std::string& name) {
  return safetensors(
      R"({"__metadata__":{"format":"pt"},")" + name +
          R"(":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
      name + "\1");
}

/// Two shards, and an index with the text given.
class Index : public ::testing::Test {
 protected:
  Index() {
    folder_.write("1.safetensors", shard("b"));
    folder_.write("2.safetensors", shard("a"));
  }

  Checkpoint open(const std::string& text) const {
    return open_checkpoint(folder_.write("model.safetensors.index.json", text));
  }

  std::string refusal(const std::string& text) const {
    return sentence_of<FileError>([&] { open(text); });
  }

  TemporaryFolder folder_;
};

TEST_F(Index, LeadsToAllShards) {
  const auto checkpoint =
      open(R"({"metadata":{"total_size":4,"x":"y","z":[{"w":1}],"n":null},)"
           R"("more":[[1],{"weight_map":1}],)"
           R"("weight_map":{"a":"2.safetensors","b":"1.safetensors"}})");
  EXPECT_EQ(checkpoint.format, CheckpointFormat::ShardedSafetensors);
  std::vector<std::string> files;
  for (const auto& file : checkpoint.files) {
    files.push_back(std::filesystem::path(file->path()).filename());
  }
  EXPECT_THAT(
      files,
      ElementsAre(
          "1.safetensors", "2.safetensors", "model.safetensors.index.json"));
  const auto& state = checkpoint.state;
  ASSERT_EQ(state.tensors.size(), 2);
  EXPECT_EQ(state.tensors[0].name, "b");
  EXPECT_EQ(state.tensors[1].name, "a");
  EXPECT_TRUE(checkpoint.files[1]->holds(state.tensors[1].data));
  EXPECT_EQ(state.metadata.at("format"), "pt");
  EXPECT_EQ(state.metadata.at("total_size"), "4");
  EXPECT_EQ(state.metadata.at("x"), "y");
}

TEST_F(Index, MustFitTheShards) {
  EXPECT_THAT(
      refusal(R"({"weight_map":{"b":"1.safetensors"},"x":1)"),
      HasSubstr("JSON"));
  EXPECT_THAT(
      refusal(R"({"weight_map":{"b":"1.safetensors","c":"1.safetensors"}})"),
      AllOf(HasSubstr("`c`"), HasSubstr("`1.safetensors`")));
  EXPECT_THAT(
      refusal(R"({"weight_map":{"c":"1.safetensors"}})"),
      AllOf(HasSubstr("does not map"), HasSubstr("`b`")));
  EXPECT_THAT(
      refusal(R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})"),
      AllOf(HasSubstr("maps tensor `b`"), HasSubstr("holds it too")));
  EXPECT_THAT(
      refusal(R"({"weight_map":{"a":"3.safetensors"}})"),
      HasSubstr("3.safetensors: cannot be opened"));
}

/// A file of torch.save with a tensor and other values.
std::string torch_shard(const std::string& name) {
  const auto bytes = std::make_shared<std::vector<float>>(6, 1.5F);
  PickleTensor tensor;
  tensor.tensor.shape = {2, 3};
  tensor.tensor.strides = {3, 1};
  tensor.tensor.data = reinterpret_cast<const std::byte*>(bytes->data());
  tensor.tensor.owner = bytes;
  PickleDict dict;
  dict.set(name, tensor);
  dict.set("epoch", 3);
  const TemporaryFolder folder;
  write_torch_file(folder.file("a"), dict);
  return read_file(folder.file("a"));
}

TEST_F(Index, LeadsToShardsOfTorchSave) {
  folder_.write("1.bin", torch_shard("fc.b"));
  folder_.write("2.bin", torch_shard("fc.a"));
  const auto checkpoint =
      open(R"({"metadata":{"total_size":48},)"
           R"("weight_map":{"fc.a":"2.bin","fc.b":"1.bin"}})");
  EXPECT_EQ(checkpoint.format, CheckpointFormat::ShardedTorchSave);
  EXPECT_TRUE(is_sharded(checkpoint.format));
  ASSERT_EQ(checkpoint.files.size(), 3u);
  ASSERT_EQ(checkpoint.state.tensors.size(), 2u);
  EXPECT_EQ(checkpoint.state.tensors[0].name, "fc.b");
  EXPECT_TRUE(checkpoint.files[1]->holds(checkpoint.state.tensors[1].data));
  ASSERT_EQ(checkpoint.checksums.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(checkpoint.checksums[i].file, i);
  }
}

TEST_F(Index, MustFitTheShardsOfTorchSave) {
  folder_.write("1.bin", torch_shard("a"));
  folder_.write("2.bin", torch_shard("b"));
  EXPECT_THAT(
      refusal(R"({"weight_map":{"a":"1.bin","b":"2.bin","c":"2.bin"}})"),
      HasSubstr("maps tensor `c` to `2.bin`, which does not hold it"));
  EXPECT_THAT(
      refusal(R"({"weight_map":{"b":"2.bin","c":"1.bin"}})"),
      HasSubstr("does not map tensor `a` of `1.bin`"));
  EXPECT_THAT(
      refusal(R"({"weight_map":{"a":"2.bin","b":"1.bin"}})"),
      HasSubstr("holds it too"));
  EXPECT_THAT(
      refusal(R"({"weight_map":{"a":"1.bin","b":"3.bin"}})"),
      HasSubstr("3.bin: cannot be opened"));
  folder_.write("2.bin", torch_shard("b").substr(0, 300));
  EXPECT_THAT(
      refusal(R"({"weight_map":{"a":"1.bin","b":"2.bin"}})"),
      HasSubstr("2.bin: the directory at the end"));
}

TEST_F(Index, NamesWhatAShardIsInstead) {
  folder_.write("1.bin", torch_shard("a"));
  const auto told = [&](const std::string& bytes) {
    folder_.write("2.bin", bytes);
    return refusal(R"({"weight_map":{"a":"1.bin","b":"2.bin"}})");
  };
  EXPECT_THAT(
      told("version https://git-lfs.github.com/spec/v1\noid sha256:1\n"),
      HasSubstr("2.bin: is a Git LFS pointer"));
  EXPECT_THAT(told("<html>"), HasSubstr("2.bin: is a web page"));
  EXPECT_THAT(told(""), HasSubstr("2.bin: is empty"));
  EXPECT_THAT(told(shard("b")), HasSubstr("safetensors files and some are"));
  EXPECT_THAT(
      told(R"({"weight_map":{"a":"2.bin"}})"),
      HasSubstr("`2.bin` is an index"));
  EXPECT_THAT(
      refusal(R"({"weight_map":{"a":"model.safetensors.index.json"}})"),
      HasSubstr("is an index"));
}

TEST_F(Index, IsRefusedInOneSentence) {
  const std::string broken[] = {
      R"({"weight_map":{"a":"../1.safetensors"}})",
      R"({"weight_map":{"a":"/1.safetensors"}})",
      R"({"weight_map":{"a":".."}})",
      R"({"weight_map":{"a":""}})",
      R"({"weight_map":{"a":"x\u0000y"}})",
      R"({"weight_map":{"a":1}})",
      R"({"weight_map":{"a":null}})",
      R"({"weight_map":{"a":["1.safetensors"]}})",
      R"({"weight_map":["1.safetensors"]})",
      R"({"weight_map":"1.safetensors"})",
      R"({"weight_map":{"a":"2.safetensors","a":"1.safetensors"}})",
      R"({"weight_map":{},"weight_map":{}})",
      R"({"x":{"weight_map":{}}})",
      R"({"weight_map":{},"x":)" + std::string(1000, '[') +
          std::string(1000, ']') + "}",
  };
  for (const auto& text : broken) {
    EXPECT_THAT(
        refusal(text),
        AllOf(
            StartsWith(folder_.file("model.safetensors.index.json: ")),
            EndsWith(".")))
        << text;
  }
}

} // namespace
} // namespace coppice::safetensors_index_test
