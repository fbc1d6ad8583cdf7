#include "io/exported_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coppice/archive/file_error.h"
#include "coppice/io/safetensors.h"
#include "io/formats.h"
#include "io/rewrite.h"
#include "support/exported_bytes.h"
#include "support/file_errors.h"
#include "support/reference_python.h"
#include "support/safetensors_bytes.h"
#include "support/temporary_folder.h"

namespace coppice::io::exported_archive_test {
namespace {

using ::testing::AllOf;
using testing::ArchiveBytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::newer_exported;
using testing::older_exported;

constexpr const char* kConfig = "net/data/weights/model_weights_config.json";
constexpr const char* kProgram = "net/models/model.json";

Checkpoint read(const ArchiveBytes& file) {
  return read_zip_archive(testing::file_of(file.bytes(), "net.pt2"));
}

std::string refusal(const ArchiveBytes& file) {
  return testing::sentence_of<FileError>([&] { read(file); });
}

std::vector<std::string> names_of(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const auto& tensor : checkpoint.state.tensors) {
    names.push_back(tensor.name);
  }
  return names;
}

float first_of(const StoredTensor& tensor) {
  float number = 0;
  std::memcpy(&number, tensor.data, sizeof(number));
  return number;
}

TEST(ExportedArchive, ReadsBothForms) {
  for (const auto& file : {newer_exported(), older_exported()}) {
    const auto checkpoint = read(file);
    EXPECT_EQ(checkpoint.format, CheckpointFormat::ExportedProgram);
    EXPECT_THAT(
        names_of(checkpoint),
        ElementsAre("fc.weight", "fc.bias", "tied", "scale", "k"));
    const auto& state = checkpoint.state;
    EXPECT_THAT(state.tensors[0].shape, ElementsAre(8, 4));
    EXPECT_EQ(state.tensors[0].dtype, Dtype::F32);
    EXPECT_EQ(first_of(state.tensors[0]), 1);
    EXPECT_EQ(first_of(state.tensors[1]), 100);
    EXPECT_EQ(first_of(state.tensors[4]), 300);
    // Nothing is copied, and what is tied stays one.
    EXPECT_EQ(state.tensors[2].data, state.tensors[0].data);
    for (const auto& tensor : state.tensors) {
      EXPECT_TRUE(checkpoint.files[0]->holds(tensor.data)) << tensor.name;
    }
    EXPECT_EQ(state.tensors[0].fixed_because, "");
    EXPECT_EQ(state.tensors[4].fixed_because, "a constant of the program");
  }
}

TEST(ExportedArchive, KeepsTheProgramBesideItsTensors) {
  const auto bytes = testing::file_of(newer_exported().bytes(), "net.pt2");
  const auto archive = read_exported_archive(archive::ZipArchive(bytes));
  ASSERT_EQ(archive.models.size(), 1);
  const auto& model = archive.models[0];
  EXPECT_EQ(model.name, "model");
  EXPECT_EQ(model.state.size(), 4);
  EXPECT_EQ(model.constants.size(), 1);
  ASSERT_EQ(model.program.graph.nodes.size(), 3);
  EXPECT_EQ(
      model.program.graph.nodes[1].target, "torch.ops.aten.linear.default");
}

TEST(ExportedArchive, ReadsViewsOfOneStorage) {
  auto file = newer_exported();
  file.replace(
      kConfig,
      testing::payload_json("tied", "weight_0", {8, 4}),
      testing::payload_json("tied", "weight_0", {4, 3}, {1, 8}, 4));
  const auto checkpoint = read(file);
  const auto* tied = checkpoint.state.find("tied");
  EXPECT_THAT(tied->strides, ElementsAre(1, 8));
  EXPECT_EQ(first_of(*tied), 5);
  EXPECT_EQ(tied->fixed_because, "");
}

TEST(ExportedArchive, NamesTheTensorsOfSeveralModels) {
  auto file = newer_exported();
  for (const std::string kind : {"weights", "constants"}) {
    const auto folder = "net/data/" + kind + "/";
    file.entries.emplace_back(
        folder + "small_" + kind + "_config.json",
        file.entry(folder + "model_" + kind + "_config.json"));
  }
  file.entries.emplace_back("net/models/small.json", file.entry(kProgram));
  const auto checkpoint = read(file);
  EXPECT_EQ(checkpoint.state.tensors.size(), 10);
  ASSERT_NE(checkpoint.state.find("model.fc.weight"), nullptr);
  ASSERT_NE(checkpoint.state.find("small.fc.weight"), nullptr);
  EXPECT_EQ(
      checkpoint.state.find("model.fc.weight")->data,
      checkpoint.state.find("small.fc.weight")->data);
}

TEST(ExportedArchive, ReadsPickledTensors) {
  auto file = newer_exported();
  const auto bytes = testing::float_bytes(32, 7);
  file.entry("net/data/weights/weight_0") =
      testing::torch_save_bytes(testing::float_tensor(bytes, {8, 4}));
  for (int i = 0; i < 2; ++i) { // Of both that name it.
    file.replace(
        kConfig,
        R"(weight_0", "is_param": true, "use_pickle": false)",
        R"(weight_0", "is_param": true, "use_pickle": true)");
  }
  const auto checkpoint = read(file);
  const auto* weight = checkpoint.state.find("fc.weight");
  EXPECT_EQ(first_of(*weight), 7);
  EXPECT_TRUE(checkpoint.files[0]->holds(weight->data));
  EXPECT_EQ(checkpoint.state.find("tied")->data, weight->data);
}

TEST(ExportedArchive, RefusesPickledObjects) {
  auto file = newer_exported();
  file.entry("net/data/weights/weight_0") =
      testing::torch_save_bytes(PickleDict());
  file.replace(
      kConfig,
      R"(weight_0", "is_param": true, "use_pickle": false)",
      R"(weight_0", "is_param": true, "use_pickle": true)");
  EXPECT_THAT(
      refusal(file), AllOf(HasSubstr("`fc.weight`"), HasSubstr("a dict")));
}

TEST(ExportedArchive, RefusesBytesThatAreAPickleAsWell) {
  auto file = newer_exported();
  const auto bytes = testing::float_bytes(32, 7);
  file.entry("net/data/weights/weight_0") =
      testing::torch_save_bytes(testing::float_tensor(bytes, {8, 4}));
  file.replace(
      kConfig,
      R"(weight_0", "is_param": true, "use_pickle": false)",
      R"(weight_0", "is_param": true, "use_pickle": true)");
  EXPECT_THAT(refusal(file), HasSubstr("both as bytes and as a file of"));
}

TEST(ExportedArchive, ReadsAStateThatIsOneFileOfTorchSave) {
  auto file = newer_exported();
  file.remove(kConfig);
  file.entries.emplace_back(
      "net/data/weights/model.pt",
      older_exported().entry("serialized_state_dict.pt"));
  EXPECT_EQ(first_of(read(file).state.tensors[0]), 1);
}

TEST(ExportedArchive, SaysWhatAnAotInductorPackageIs) {
  auto file = newer_exported();
  file.remove(kProgram);
  file.entries.emplace_back("net/data/aotinductor/model/a.so", "x");
  EXPECT_THAT(
      refusal(file),
      AllOf(HasSubstr("AOTInductor"), HasSubstr("torch.export.save")));
  file = {};
  file.entries = {{"version", "0"}, {"data/aotinductor/model/a.so", "x"}};
  EXPECT_THAT(refusal(file), HasSubstr("AOTInductor"));
}

TEST(ExportedArchive, RefusesNewerForms) {
  auto file = newer_exported();
  file.replace(kProgram, "\"major\": 8", "\"major\": 9");
  EXPECT_THAT(refusal(file), HasSubstr("version 9.20 of the schema"));
  file = newer_exported();
  file.entry("net/archive_version") = "1";
  EXPECT_THAT(refusal(file), HasSubstr("of version `1`"));
  file = newer_exported();
  file.entry("net/archive_format") = "pt3";
  EXPECT_THAT(refusal(file), HasSubstr("other than pt2"));
  file = newer_exported();
  file.entry("net/byteorder") = "big";
  EXPECT_THAT(refusal(file), HasSubstr("big-endian"));
  file = older_exported();
  file.entry("version") = "9.1";
  EXPECT_THAT(refusal(file), HasSubstr("version `9.1` of the schema"));
  // What a minor version adds, older readers may ignore.
  file = newer_exported();
  file.replace(kProgram, "\"minor\": 20", "\"minor\": 99");
  file.replace(kProgram, "{\"graph_module\"", "{\"new\": 1, \"graph_module\"");
  EXPECT_EQ(read(file).state.tensors.size(), 5);
}

TEST(ExportedArchive, RefusesConfigsThatPointOutside) {
  for (const std::string path : {"../weight_0", "/etc/passwd", "..", ""}) {
    auto file = newer_exported();
    file.replace(kConfig, "\"weight_1\"", "\"" + path + "\"");
    EXPECT_THAT(
        refusal(file),
        AllOf(HasSubstr("`fc.bias`"), HasSubstr("not a plain file name")));
  }
}

TEST(ExportedArchive, RefusesWhatIsMissing) {
  auto file = newer_exported();
  file.remove("net/data/weights/weight_1");
  EXPECT_THAT(
      refusal(file),
      AllOf(HasSubstr("lacks `data/weights/weight_1`"), HasSubstr("fc.bias")));
  file = newer_exported();
  file.remove(kConfig);
  EXPECT_THAT(refusal(file), HasSubstr("lacks `data/weights/model_weights"));
  file = newer_exported();
  file.replace(kProgram, "_name\": \"fc.bias\"", "_name\": \"fc2.bias\"");
  EXPECT_THAT(refusal(file), HasSubstr("lacks the parameter `fc2.bias`"));
  file = newer_exported();
  file.remove(kProgram);
  EXPECT_THAT(refusal(file), HasSubstr("without a program"));
  file = older_exported();
  file.remove("serialized_constants.pt");
  EXPECT_THAT(refusal(file), HasSubstr("lacks the constant `k`"));
}

TEST(ExportedArchive, HoldsNumbersAgainstTheFile) {
  const auto with = [](const std::string& what, const std::string& by) {
    auto file = newer_exported();
    file.replace(kConfig, what, by);
    return refusal(file);
  };
  const auto bias = testing::payload_json("fc.bias", "weight_1", {8});
  const auto payload = [](std::vector<int64_t> shape,
                          std::vector<int64_t> strides,
                          int64_t offset) {
    return testing::payload_json(
        "fc.bias", "weight_1", std::move(shape), std::move(strides), offset);
  };
  EXPECT_THAT(
      with(bias, payload({9}, {1}, 0)),
      AllOf(HasSubstr("`fc.bias` F32[9]"), HasSubstr("holds 32 bytes")));
  EXPECT_THAT(with(bias, payload({8}, {1}, 1)), HasSubstr("from element 1 on"));
  EXPECT_THAT(with(bias, payload({4}, {3}, 0)), HasSubstr("strides [3]"));
  EXPECT_THAT(with(bias, payload({-8}, {1}, 0)), HasSubstr("a size that is"));
  EXPECT_THAT(with(bias, payload({8}, {-1}, 0)), HasSubstr("a stride that is"));
  EXPECT_THAT(with(bias, payload({8}, {1}, -1)), HasSubstr("an offset that"));
  EXPECT_THAT(
      with(bias, payload({1LL << 62, 8}, {0, 0}, 0)), HasSubstr("F32[46"));
  EXPECT_THAT(with(bias, payload({8, 2000}, {1, 0}, 0)), HasSubstr("1024"));
  EXPECT_THAT(with("\"dtype\": 7", "\"dtype\": 99"), HasSubstr("dtype 99"));
  EXPECT_THAT(with("\"layout\": 7", "\"layout\": 1"), HasSubstr("not strided"));
  EXPECT_THAT(
      with("\"strides\": [{\"as_int\": 4}, ", "\"strides\": ["),
      HasSubstr("different numbers of sizes"));
  EXPECT_THAT(
      with("{\"as_int\": 8}", "{\"as_expr\": {}}"), HasSubstr("a size that"));
}

TEST(ExportedArchive, RefusesObjectsByName) {
  auto file = newer_exported();
  file.replace(
      "net/data/constants/model_constants_config.json",
      "{\"config\": {",
      R"({"config": {"tokens": {"path_name": "custom_obj_0", "is_param": false,
          "use_pickle": true, "tensor_meta": null}, )");
  EXPECT_THAT(refusal(file), HasSubstr("holds `tokens`, an object"));
  file = newer_exported();
  file.replace(
      kProgram,
      "\"input_specs\": [",
      R"("input_specs": [{"custom_obj": {"arg": {"name": "o", "class_fqn":
          "__torch__.torch.classes.a.Tokens"}, "custom_obj_name": "tokens"}}, )");
  EXPECT_THAT(
      refusal(file),
      AllOf(HasSubstr("`tokens`"), HasSubstr("torch.classes.a.Tokens")));
}

TEST(ExportedArchive, RefusesTwoTensorsOfOneName) {
  auto file = newer_exported();
  file.replace(kConfig, "\"tied\"", "\"fc.weight\"");
  EXPECT_THAT(refusal(file), HasSubstr("holds `fc.weight` twice"));
  file = newer_exported();
  file.replace(
      "net/data/constants/model_constants_config.json", "\"k\"", "\"tied\"");
  EXPECT_THAT(refusal(file), HasSubstr("two tensors of the name `tied`"));
}

/// Reads an archive that is broken in some way; whatever it says is a
/// FileError.
void expect_read_or_refused(const std::string& bytes) {
  try {
    read_zip_archive(testing::file_of(bytes, "net.pt2"));
  } catch (const FileError&) {
  }
}

TEST(ExportedArchive, SurvivesWrongBytes) {
  for (const auto& file : {newer_exported(), older_exported()}) {
    const auto bytes = file.bytes();
    constexpr size_t kStep = 7; // In time for every run.
    for (size_t i = 0; i < bytes.size(); i += kStep) {
      auto changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ 0x55);
      expect_read_or_refused(changed);
    }
    // Behind a right checksum.
    for (size_t entry = 0; entry < file.entries.size(); ++entry) {
      for (size_t i = 0; i < file.entries[entry].second.size(); i += 11) {
        auto changed = file;
        changed.entries[entry].second[i] ^= 0x11;
        expect_read_or_refused(changed.bytes());
      }
    }
  }
}

/// Holds every checksum of an archive, and of those in it, against its bytes.
void expect_right_checksums(const std::shared_ptr<const MappedFile>& file) {
  archive::ZipArchive zip(file);
  for (const auto& entry : zip.entries()) {
    EXPECT_NO_THROW(zip.read(entry)) << entry.name;
    const auto part = MappedFile::part_of(file, entry.data, "part");
    if (archive::is_zip(*part)) {
      expect_right_checksums(part);
    }
  }
}

TEST(ExportedArchive, IsRewrittenWithRightChecksums) {
  const TemporaryFolder folder;
  for (const std::string name : {"conv_2.6", "conv_2.14", "tied_2.6"}) {
    const std::string path = COPPICE_TESTS "/data/pt2/" + name + ".pt2";
    const auto checkpoint = open_checkpoint(path);
    std::vector<Change> changes;
    for (const size_t i : {0, 1}) {
      const auto range =
          place_of(checkpoint.state.tensors[i], checkpoint).range;
      if (changes.empty() || changes[0].range.end <= range.begin) {
        changes.push_back({range, [range](const ByteSink& sink) {
                             const std::string bytes(
                                 range.end - range.begin, '\x2a');
                             sink(bytes.data(), bytes.size());
                           }});
      }
    }
    OutputFile output(folder.file(name));
    rewrite_file(checkpoint, 0, changes, output);
    output.commit();
    const auto changed = open_checkpoint(folder.file(name));
    expect_right_checksums(changed.files[0]);
    EXPECT_EQ(changed.state.tensors[0].data[0], std::byte{0x2a});
    EXPECT_EQ(changed.files[0]->size(), checkpoint.files[0]->size());
    const auto& last = checkpoint.state.tensors.back();
    EXPECT_EQ(first_of(changed.state.tensors.back()), first_of(last));
  }
}

TEST(ExportedArchive, ReadsWhatPyTorchWrote) {
  for (const std::string name :
       {"branch", "conv", "counter", "dicts", "encoder", "residual", "tied"}) {
    SCOPED_TRACE(name);
    const std::string path = COPPICE_TESTS "/data/pt2/" + name;
    const auto older = open_checkpoint(path + "_2.6.pt2");
    const auto newer = open_checkpoint(path + "_2.14.pt2");
    EXPECT_EQ(names_of(older), names_of(newer));
    for (const auto& tensor : older.state.tensors) {
      const auto* other = newer.state.find(tensor.name);
      ASSERT_NE(other, nullptr) << tensor.name;
      EXPECT_EQ(tensor.dtype, other->dtype) << tensor.name;
      EXPECT_EQ(tensor.shape, other->shape) << tensor.name;
      EXPECT_EQ(tensor.fixed_because, other->fixed_because) << tensor.name;
      EXPECT_TRUE(older.files[0]->holds(tensor.data)) << tensor.name;
      EXPECT_TRUE(newer.files[0]->holds(other->data)) << tensor.name;
    }
  }
}

TEST(ExportedArchive, ReadsTheValuesThatPyTorchReads) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  const TemporaryFolder folder;
  std::string pairs;
  for (const auto& entry :
       std::filesystem::directory_iterator(COPPICE_TESTS "/data/pt2")) {
    if (entry.path().extension() == ".pt2") {
      const auto name = entry.path().filename().string();
      save_safetensors(
          folder.file(name), open_checkpoint(entry.path().string()).state);
      pairs += " '" + entry.path().string() + "' " + folder.file(name);
    }
  }
  EXPECT_EQ(run_reference("io/compare_exported.py", pairs), "done\n");
}

} // namespace
} // namespace coppice::io::exported_archive_test
