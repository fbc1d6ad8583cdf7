#include "io/foreign_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/zip_writer.h"
#include "coppice/io/checkpoint.h"
#include "io/torch_file.h"
#include "support/file_errors.h"
#include "support/safetensors_bytes.h"
#include "support/temporary_folder.h"

namespace coppice::foreign_file_test {
namespace {

using namespace std::string_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::sentence_of;
using ::testing::StartsWith;

struct Case {
  std::string bytes;
  std::string part; ///< Of what is said.
};

/// Every file is rejected under each name, in one sentence.
void expect_recognized(const std::vector<Case>& cases) {
  const TemporaryFolder folder;
  for (const auto& [bytes, part] : cases) {
    for (const std::string name :
         {"model.safetensors", "model.pt", "model.bin", "m.index.json"}) {
      const auto path = folder.write(name, bytes);
      for (const auto& sentence :
           {sentence_of<FileError>([&] { open_checkpoint(path); }),
            sentence_of<FileError>([&] { read_torch_file(path); })}) {
        EXPECT_THAT(
            sentence,
            AllOf(StartsWith(path + ": "), HasSubstr(part), EndsWith(".")));
        EXPECT_EQ(sentence.find('\n'), std::string::npos) << sentence;
        EXPECT_LT(sentence.size(), path.size() + 300) << sentence;
      }
    }
  }
}

TEST(ForeignFile, RecognizesPointers) {
  const auto lfs = [](const std::string& end) {
    return "version https://git-lfs.github.com/spec/v1\noid sha256:" +
        std::string(64, 'a') + end;
  };
  expect_recognized({
      {lfs("\nsize 4265380512\n"), "`4265380512` bytes; run `git lfs pull`"},
      {lfs("\nsize 1024"), "git lfs pull"},
      {lfs(""), "git lfs pull"},
      {"\xef\xbb\xbf" + lfs("\r\nsize 7\r\n"), "git lfs pull"},
      {"/annex/objects/SHA256E-s12--ab.pt\n", "git annex get"},
      {"outs:\n- md5: 0123\n  size: 3\n  path: model.pt\n", "dvc pull"},
  });
}

TEST(ForeignFile, RecognizesServerErrors) {
  expect_recognized({
      {"<!DOCTYPE html><html><title>404</title></html>\n", "a web page"},
      {"\n\n  <!doctype HTML>\n<html lang=en>", "a web page"},
      {"<HTML><HEAD></HEAD></HTML>", "a web page"},
      {"<?xml version=\"1.0\"?><html xmlns=\"x\">", "a web page"},
      {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>"
       "<Message>Access Denied</Message></Error>",
       "a server's error, `Access Denied`"},
      {"<Error><Code>NoSuchKey</Code></Error>", "is XML"},
      {R"({"error":"Repository not found"})",
       "a server's error, `Repository not found`; fetch"},
      {R"( {"message": "Bad credentials", "documentation_url": "https://x"})",
       "`Bad credentials`"},
      {R"({"error": {"code": 401, "message": "Login\n needed"}})",
       R"(`Login\x0a needed`)"},
      {R"({"errors": [{"detail": "no"}]})", "`no`"},
      {"HTTP/1.1 200 OK\r\nContent-Type: x\r\n\r\n", "without headers"},
      {"Entry not found", "text, `Entry not found`"},
      {"Invalid username or password.\n", "text, `Invalid username"},
      {"", "is empty"},
      {std::string(100, '\0'), "was not finished"},
      {std::string(10000, '\0'), "was not finished"},
  });
}

TEST(ForeignFile, RecognizesOtherFormats) {
  expect_recognized({
      {"\x1f\x8b\x08\0\0\0\0\0\0\x03..........."s, "gzip; unpack it"},
      {"BZh91AY&SY.........", "bzip2"},
      {"\xfd"
       "7zXZ\0\0\4......"s,
       "xz"},
      {"\x28\xb5\x2f\xfd............", "zstd"},
      {"7z\xbc\xaf\x27\x1c\0\4......"s, "7z archive"},
      {"model.pt" + std::string(249, '\0') + "ustar\0"s + "00", "tar archive"},
      {"GGUF\3\0\0\0\x10\0\0\0\0\0\0\0"s, "a GGUF model"},
      {"\x89HDF\r\n\x1a\n\0\0\0\0"s, "an HDF5 file, as Keras writes"},
      {"\x93NUMPY\1\0v\0{'descr': '<f4'}"s, "NumPy (.npy)"},
      {"\x1c\0\0\0TFL3\0\0\0\0"s, "TensorFlow Lite"},
      {"\x08\x07\x12\x07pytorch\x1a\x05"
       "2.0.1:\x80",
       "an ONNX model"},
      {"\x08\x01\x12\xc2\xb0\x01\x0a\x9c\x08\x12\x04"s, "SavedModel"},
      {std::string(60, '\1') + "\x57\xfb\x80\x8b\x24\x75\x47\xdb",
       "a checkpoint of TensorFlow"},
      {"\x80\x04\x95\x0c\0\0\0\0\0\0\0}\x94\x8c\x01"s + "a\x94K\x01s.",
       "a pickle that torch.save did not write"},
      {"\x80\x03"s + "cnumpy.core.multiarray\n_reconstruct\nq\0"s,
       "a pickle that torch.save did not write"},
      {"(dp0\nVa\np1\nI1\ns.", "a pickle that torch.save did not write"},
      {"\x81\xa6params\x82\xa5"s + "Dense\x80", "MessagePack"},
      {"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"},
      {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"s, "a picture (PNG)"},
      {"\xff\xd8\xff\xe0\0\x10JFIF\0"s, "a picture (JPEG)"},
      {"\x7f"
       "ELF\2\1\1\0\0\0\0\0"s,
       "a library (ELF)"},
      {"import torch\nclass Net(torch.nn.Module):\n", "text, `import torch`"},
      {R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama"})",
       "a model's configuration (JSON)"},
      {R"({"version": "1.0", "added_tokens": []})", "no index of shards"},
      {"[1, 2, 3]", "no index of shards"},
  });
}

TEST(ForeignFile, RecognizesZipArchives) {
  const auto zip_of = [](const std::vector<std::string>& names) {
    std::string bytes;
    archive::ZipWriter zip(
        [&bytes](std::string_view piece) { bytes += piece; });
    for (const auto& name : names) {
      zip.add(name, "x");
    }
    zip.finish();
    return bytes;
  };
  expect_recognized({
      {zip_of({"a.npy", "b.npy"}), "NumPy (.npz)"},
      {zip_of({"metadata.json", "config.json", "model.weights.h5"}), "Keras"},
      {zip_of({"m/readme.txt", "m/net.safetensors"}), "`m/net.safetensors`"},
      {zip_of({"m/archive_format", "m/models/model.json"}), "torch.export"},
      {zip_of({"old/serialized_exported_program.json"}), "torch.export"},
      {zip_of({"data/aotinductor/model/net.so"}), "an AOTInductor package"},
      {zip_of({"models/net.pt2"}), "`models/net.pt2`"},
      {zip_of({"a.txt"}), "a zip archive without data.pkl"},
      {zip_of({"a.txt"}).substr(0, 60), "cut short"},
      {"PK\5\6"s + std::string(18, '\0'), "an empty zip archive"},
  });
}

TEST(ForeignFile, AcceptsCheckpoints) {
  const TemporaryFolder folder;
  // Header lengths that look like the magic numbers of gzip, bzip2, GIF, MZ.
  for (const size_t length : {0x8b1f, 0x5a42, 0x4947, 0x5a4d, 0x7b}) {
    const std::string header = R"({"a":{"dtype":"U8","shape":[1],)"
                               R"("data_offsets":[0,1]}})";
    const auto path = folder.write(
        "a",
        testing::safetensors(
            header + std::string(length - header.size(), ' '), "x"));
    EXPECT_EQ(open_checkpoint(path).state.tensors.size(), 1u) << length;
  }
}

TEST(ForeignFile, NamesTheModelInAFolder) {
  namespace fs = std::filesystem;
  const TemporaryFolder folder;
  const auto told = [&](const std::string& name) {
    return sentence_of<FileError>([&] { open_checkpoint(folder.file(name)); });
  };
  const auto with_files = [&](const std::string& name,
                              const std::vector<std::string>& files) {
    fs::create_directory(folder.file(name));
    for (const auto& file : files) {
      folder.write(name + "/" + file, "x");
    }
    return told(name);
  };
  EXPECT_THAT(with_files("empty", {}), EndsWith("is a folder; give a file."));
  EXPECT_THAT(
      with_files(
          "hub",
          {"config.json",
           "model.safetensors.index.json",
           "model-00001-of-00002.safetensors",
           "pytorch_model.bin.index.json"}),
      HasSubstr("hub/model.safetensors.index.json."));
  EXPECT_THAT(
      with_files("old", {"pytorch_model.bin"}),
      HasSubstr("old/pytorch_model.bin."));
  EXPECT_THAT(with_files("one", {"net.pt", "a.txt"}), HasSubstr("one/net.pt."));
  EXPECT_THAT(
      with_files("two", {"a.pt", "b.pt"}),
      EndsWith("is a folder; give a file."));
  EXPECT_THAT(with_files("tf", {"saved_model.pb"}), HasSubstr("TensorFlow"));
  EXPECT_THAT(
      with_files("dcp", {".metadata", "__0_0.distcp"}),
      HasSubstr("dcp_to_torch"));
  EXPECT_THAT(
      sentence_of<FileError>([&] { read_torch_file(folder.file("one")); }),
      HasSubstr("one/net.pt."));
}

} // namespace
} // namespace coppice::foreign_file_test
