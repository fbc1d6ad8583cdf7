#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "coppice/io/checkpoint.h"
#include "io/formats.h"
#include "support/file_errors.h"
#include "support/safetensors_bytes.h"
#include "support/temporary_folder.h"

namespace coppice::safetensors_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::file_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::safetensors;
using testing::sentence_of;
using ::testing::StartsWith;

Checkpoint read(const std::string& bytes) {
  return io::read_safetensors(file_of(bytes));
}

std::vector<std::string> names_of(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const auto& tensor : checkpoint.state.tensors) {
    names.push_back(tensor.name);
  }
  return names;
}

TEST(ReadSafetensors, FindsTensorsInTheFile) {
  const auto file = file_of(safetensors(
      R"({"__metadata__":{"format":"pt"},)"
      R"("w":{"dtype":"F32","shape":[1,2],"data_offsets":[2,10]},)"
      R"("h":{"data_offsets":[0,2],"shape":[],"dtype":"BF16"}}  )",
      std::string(10, 'x')));
  const auto checkpoint = io::read_safetensors(file);
  EXPECT_EQ(checkpoint.format, CheckpointFormat::Safetensors);
  EXPECT_THAT(checkpoint.files, ElementsAre(file));
  EXPECT_EQ(checkpoint.state.metadata.at("format"), "pt");
  EXPECT_THAT(names_of(checkpoint), ElementsAre("h", "w"));
  const auto& w = *checkpoint.state.find("w");
  EXPECT_EQ(w.dtype, Dtype::F32);
  EXPECT_THAT(w.shape, ElementsAre(1, 2));
  EXPECT_THAT(w.strides, ElementsAre(2, 1));
  EXPECT_EQ(w.data, file->data() + file->size() - 8);
  EXPECT_THAT(checkpoint.state.find("h")->shape, IsEmpty());
}

TEST(ReadSafetensors, KeepsEmptyTensorsInTheOrderOfTheHeader) {
  const auto checkpoint = read(safetensors(
      R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
      R"("z":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
      R"("a":{"dtype":"F64","shape":[2,0,3],"data_offsets":[0,0]},)"
      R"("e":{"dtype":"F64","shape":[0],"data_offsets":[1,1]}})",
      "x"));
  EXPECT_THAT(names_of(checkpoint), ElementsAre("z", "a", "b", "e"));
}

TEST(ReadSafetensors, KnowsElementsThatShareBytes) {
  const auto checkpoint = read(safetensors(
      R"({"a":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]},)"
      R"("b":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[3,6]}})",
      "123456"));
  EXPECT_EQ(checkpoint.state.find("a")->nbytes(), 3);
  EXPECT_EQ(checkpoint.state.find("b")->nbytes(), 3);
}

/// A broken file and parts of its message.
struct Broken {
  std::string bytes;
  std::vector<std::string> hints;
};

std::string one(const std::string& dtype, const std::string& rest) {
  return R"({"w":{"dtype":")" + dtype + "\"," + rest + "}}";
}

std::vector<Broken> broken_files() {
  const std::string w =
      R"("w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]})";
  std::string huge = safetensors("{}");
  huge[7] = '\xff'; // 8 + the length overflows.
  std::string long_header = safetensors("{}");
  long_header[0] = 3;
  return {
      {"", {"0 bytes"}},
      {"1234567", {"7 bytes"}},
      {huge, {"100000000"}},
      {long_header, {"3 bytes", "after 2"}},
      {safetensors(""), {"JSON"}},
      {safetensors("[]"), {"array"}},
      {safetensors("7"), {"7"}},
      {safetensors("{} x"), {"byte 4"}},
      {safetensors(std::string("{}\0\0", 4)), {"byte 3"}},
      {safetensors("\xef\xbb\xbf{}"), {"byte order mark"}},
      {safetensors("{\"\xff\":1}"), {"byte 3"}},
      {safetensors("{" + w + "," + w + "}", "xx"), {"`w` twice"}},
      {safetensors(R"({"__metadata__":{},"__metadata__":{}})"), {"twice"}},
      {safetensors(R"({"__metadata__":{"a":"","a":""}})"), {"`a` twice"}},
      {safetensors(R"({"__metadata__":{"a":1}})"), {"1"}},
      {safetensors(R"({"__metadata__":{"a":null}})"), {"`a`", "null"}},
      {safetensors(R"({"__metadata__":null})"), {"null"}},
      {safetensors(R"({"__metadata__":{"a":{}}})"), {"object"}},
      {safetensors(R"({"w":[]})"), {"array"}},
      {safetensors(R"({"w":{}})"), {"`w`", "no dtype"}},
      {safetensors(one("F32", R"("shape":[])")), {"no data_offsets"}},
      {safetensors(one("F32", R"("data_offsets":[0,4])")), {"no shape"}},
      {safetensors(one("F31", R"("shape":[])")), {"`w`", "`F31`"}},
      {safetensors(one("QINT8", R"("shape":[])")), {"`QINT8`"}},
      {safetensors(one("U8", R"("dtype":"U8")")), {"`dtype` twice"}},
      {safetensors(one("U8", R"("stride":[1])")), {"`stride`"}},
      {safetensors(one("U8", R"("shape":[-1])")), {"`w`", "-1"}},
      {safetensors(one("U8", R"("shape":[1.5])")), {"1.5"}},
      {safetensors(one("U8", R"("shape":[1e2])")), {"1e2"}},
      {safetensors(one("U8", R"("shape":["1"])")), {"`1`"}},
      {safetensors(one("U8", R"("shape":[[1]])")), {"array"}},
      {safetensors(one("U8", R"("shape":[9223372036854775808])")), {"92233"}},
      {safetensors(one("U8", R"("shape":[99999999999999999999])")), {"`w`"}},
      {safetensors(one("U8", R"("shape":[1],"data_offsets":[0])")), {"two"}},
      {safetensors(one("U8", R"("shape":[1],"data_offsets":[0,1,1])")),
       {"two"}},
      {safetensors(one("U8", R"("shape":[1],"data_offsets":[0,-1])")), {"-1"}},
      {safetensors(one("U8", R"("shape":[1],"data_offsets":[2,1])"), "xx"),
       {"`w`", "ends at 1", "start at 2"}},
      {safetensors(one("F32", R"("shape":[2],"data_offsets":[0,4])"), "xxxx"),
       {"`w`", "F32[2]", "8 bytes", "4"}},
      {safetensors(one("F4", R"("shape":[3],"data_offsets":[0,2])"), "xx"),
       {"F4[3]", "whole number of bytes"}},
      {safetensors(one(
           "F32", R"("shape":[4611686018427387904,4],"data_offsets":[0,0])")),
       {"F32[4611686018427387904, 4]"}},
      {safetensors(one(
           "U8", R"("shape":[0,4611686018427387904,4],"data_offsets":[0,0])")),
       {"addressed"}},
      {safetensors(one("U8", R"("shape":[2],"data_offsets":[1,3])"), "xxx"),
       {"`w`", "byte 1", "at 0"}},
      {safetensors(one("U8", R"("shape":[2],"data_offsets":[0,2])"), "x"),
       {"`w`", "byte 2", "has 1"}},
      {safetensors(one("U8", R"("shape":[2],"data_offsets":[0,2])"), "xxx"),
       {"1 bytes after"}},
      {safetensors(
           "{" + w + R"(,"v":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
           "xxx"),
       {"`v`", "byte 1", "at 2"}},
      {safetensors("{}", "x"), {"1 bytes after"}},
  };
}

TEST(ReadSafetensors, RefusesWhatIsBrokenInOneSentence) {
  for (const auto& [bytes, hints] : broken_files()) {
    const auto sentence = sentence_of<FileError>([&] { read(bytes); });
    EXPECT_THAT(
        sentence,
        AllOf(
            StartsWith("a.safetensors: "),
            EndsWith("."),
            Not(HasSubstr("\n"))));
    for (const auto& hint : hints) {
      EXPECT_THAT(sentence, HasSubstr(hint));
    }
  }
}

TEST(ReadSafetensors, CutsAndEscapesNamesInMessages) {
  const std::string name = "\\n" + std::string(1 << 20, 'x');
  const auto sentence = sentence_of<FileError>(
      [&] { read(safetensors("{\"" + name + "\":0}")); });
  EXPECT_LT(sentence.size(), 300);
}

TEST(ReadSafetensors, RefusesALongHostileHeader) {
  constexpr size_t kSize = 100'000'000;
  const std::string hostile[] = {
      std::string(kSize, '['),
      "{\"w\":" + std::string(kSize - 5, '['),
      "{\"w\":{\"shape\":[" + std::string(kSize - 15, '1'),
      std::string(kSize, '\0'),
      std::string(kSize, '\xff'),
  };
  for (const auto& header : hostile) {
    const auto file = file_of(safetensors(header));
    EXPECT_THROW(io::read_safetensors(file), FileError) << header.substr(0, 20);
  }
}

TEST(OpenCheckpoint, RecognizesSafetensorsByContentOrName) {
  const TemporaryFolder folder;
  const auto good = folder.write("a", safetensors("{}"));
  EXPECT_EQ(open_checkpoint(good).format, CheckpointFormat::Safetensors);
  const auto cut = folder.write("b.safetensors", "123");
  EXPECT_THAT(
      sentence_of<FileError>([&] { open_checkpoint(cut); }),
      HasSubstr("3 bytes"));
}

// Needs ../shared.
TEST(ReadSafetensors, ReadsTheTestVectorsOfTheFormat) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(COPPICE_SHARED) / "data/parsers";
  if (!fs::exists(root)) {
    GTEST_SKIP() << root << " is not there";
  }
  size_t files = 0;
  for (const auto* folder : {"safetensors_vectors", "safetensors_samples"}) {
    for (const auto& entry : fs::directory_iterator(root / folder)) {
      if (entry.path().extension() == ".safetensors") {
        EXPECT_NO_THROW(open_checkpoint(entry.path().string())) << entry.path();
        ++files;
      }
    }
  }
  EXPECT_GE(files, 20);
}

} // namespace
} // namespace coppice::safetensors_test
