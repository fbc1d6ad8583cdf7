#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "coppice/io/checkpoint.h"
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
