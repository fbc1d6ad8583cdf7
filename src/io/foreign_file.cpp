#include "io/foreign_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include "archive/zip.h"
#include "coppice/archive/file_error.h"
#include "io/formats.h"

namespace coppice::io {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

constexpr std::string_view kConvert =
    "load it where it comes from and save its weights as safetensors or with "
    "torch.save";
constexpr std::string_view kUnpack = "unpack it and give the model file in it";
constexpr std::string_view kGiveModel =
    "give a safetensors file, an index of shards, a torch.save file, a "
    "TorchScript archive or a .pt2";

/// The signature of a file format at a fixed offset.
struct Magic {
  size_t at;
  std::string_view bytes;
  std::string_view what;
  std::string_view advice;
};

constexpr Magic kMagics[] = {
    {0, "\x1f\x8b"sv, "is compressed with gzip", kUnpack},
    {0, "BZh"sv, "is compressed with bzip2", kUnpack},
    {0,
     "\xfd"
     "7zXZ"sv,
     "is compressed with xz",
     kUnpack},
    {0, "\x28\xb5\x2f\xfd"sv, "is compressed with zstd", kUnpack},
    {0, "\x04\x22\x4d\x18"sv, "is compressed with lz4", kUnpack},
    {0, "7z\xbc\xaf\x27\x1c"sv, "is a 7z archive", kUnpack},
    {0, "Rar!\x1a\x07"sv, "is a RAR archive", kUnpack},
    {257, "ustar"sv, "is a tar archive", kUnpack},
    {0, "PK\x05\x06"sv, "is an empty zip archive", kGiveModel},
    {0, "GGUF"sv, "is a GGUF model", kConvert},
    {0, "lmgg"sv, "is a GGML file", kConvert},
    {0, "fmgg"sv, "is a GGML file", kConvert},
    {0, "tjgg"sv, "is a GGML file", kConvert},
    {0, "\x89HDF\r\n\x1a\n"sv, "is an HDF5 file, as Keras writes", kConvert},
    {0, "\x93NUMPY"sv, "is an array of NumPy (.npy)", kConvert},
    {4, "TFL3"sv, "is a TensorFlow Lite model", kConvert},
    {0, "MATLAB 5.0"sv, "is a MATLAB file", kConvert},
    {0, "PAR1"sv, "is a Parquet file", kGiveModel},
    {0, "ARROW1"sv, "is an Arrow file", kGiveModel},
    {0, "SQLite format 3"sv, "is an SQLite database", kGiveModel},
    {0, "%PDF-"sv, "is a PDF document", kGiveModel},
    {0, "\x89PNG\r\n"sv, "is a picture (PNG)", kGiveModel},
    {0, "\xff\xd8\xff"sv, "is a picture (JPEG)", kGiveModel},
    {0, "GIF8"sv, "is a picture (GIF)", kGiveModel},
    {8, "WEBP"sv, "is a picture (WebP)", kGiveModel},
    {8, "WAVE"sv, "is a sound file (WAV)", kGiveModel},
    {4, "ftyp"sv, "is a video or a picture (MP4, HEIF)", kGiveModel},
    {0,
     "\x7f"
     "ELF"sv,
     "is a program or a library (ELF)",
     kGiveModel},
    {0, "!<arch>\n"sv, "is an archive of object files or a package", kUnpack},
    {0, "MZ\x90"sv, "is a program or a library of Windows", kGiveModel},
};

/// Reads a protobuf varint at `at`, which is advanced past it.
uint64_t take_varint(std::string_view text, size_t& at) {
  uint64_t value = 0;
  for (int shift = 0; at < text.size() && shift < 63; shift += 7) {
    const auto byte = static_cast<unsigned char>(text[at++]);
    value |= uint64_t(byte & 0x7f) << shift;
    if (byte < 0x80) {
      break;
    }
  }
  return value;
}

/// ONNX and TensorFlow's SavedModel: protobufs without a magic number, which
/// start with their version.
std::optional<Foreign> foreign_protobuf(std::string_view text) {
  constexpr char kVersion = 0x08;
  constexpr char kSecond = 0x12;
  constexpr char kLatest = 0x20; // More than any version of ONNX yet.
  if (text.size() < 5 || text[0] != kVersion || text[1] <= 0 ||
      text[1] > kLatest || text[2] != kSecond) {
    return std::nullopt;
  }
  size_t at = 3;
  const uint64_t length = take_varint(text, at);
  const bool is_producer = length < 64 && at < text.size() && text[at] >= ' ';
  if (is_producer) {
    return Foreign{"is an ONNX model", std::string(kConvert)};
  }
  if (text[1] == 1 && at < text.size() && text[at] == '\n') {
    return Foreign{"is a SavedModel of TensorFlow", std::string(kConvert)};
  }
  return std::nullopt;
}

/// MessagePack, as Flax writes it: a map whose first key is a short string.
bool is_message_pack(std::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const size_t key = byte(0) == 0xde ? 3 : 1;
  const bool is_map = byte(0) == 0xde || (byte(0) > 0x80 && byte(0) <= 0x8f);
  const unsigned first = byte(key + 1);
  return is_map && byte(key) > 0xa0 && byte(key) <= 0xbf &&
      (first == '_' || (first >= 'a' && first <= 'z'));
}

bool is_pickle(std::string_view text) {
  constexpr char kLatest = 5;
  return (text.size() > 2 && text[0] == '\x80' && text[1] >= 2 &&
          text[1] <= kLatest) ||
      text.substr(0, 3) == "(dp" || text.substr(0, 3) == "(lp" ||
      text.substr(0, 9) == "ccopy_reg" || text.substr(0, 6) == "cnumpy";
}

/// The footer of MODEL.index in a TensorFlow checkpoint.
bool is_tensorflow_index(std::string_view text) {
  constexpr auto kEnd = "\x57\xfb\x80\x8b\x24\x75\x47\xdb"sv;
  return text.size() > 48 && text.substr(text.size() - kEnd.size()) == kEnd;
}

std::optional<Foreign> foreign_format(std::string_view text) {
  for (const auto& magic : kMagics) {
    if (text.size() > magic.at &&
        text.substr(magic.at, magic.bytes.size()) == magic.bytes) {
      return Foreign{std::string(magic.what), std::string(magic.advice)};
    }
  }
  if (auto found = foreign_protobuf(text)) {
    return found;
  }
  if (is_tensorflow_index(text)) {
    return Foreign{"is a checkpoint of TensorFlow", std::string(kConvert)};
  }
  if (is_pickle(text)) {
    return Foreign{
        "is a pickle that torch.save did not write", std::string(kConvert)};
  }
  if (is_message_pack(text)) {
    return Foreign{"is MessagePack, as Flax writes", std::string(kConvert)};
  }
  constexpr size_t kHead = 4096;
  if (text.size() >= 16 &&
      text.substr(0, kHead).find_first_not_of('\0') == std::string_view::npos) {
    return Foreign{
        "starts with zeros only, like a download that was not finished",
        "fetch it again"};
  }
  return std::nullopt;
}

/// A plausible header length followed by the start of a header.
bool begins_as_safetensors(std::string_view text) {
  constexpr size_t kLength = 8;
  const auto begin = text.find_first_not_of(" \t\r\n", kLength);
  return text.size() > kLength && text.substr(4, 4) == "\0\0\0\0"sv &&
      begin != std::string_view::npos && text[begin] == '{';
}

[[noreturn]] void refuse(const std::string& path, const Foreign& foreign) {
  throw FileError(
      fmt::format("{}: {}; {}.", path, foreign.what, foreign.advice));
}

/// The model file in a folder, by the names that libraries use; empty if
/// unclear.
std::string model_in(const fs::path& folder) {
  for (const std::string name :
       {"model.safetensors.index.json",
        "model.safetensors",
        "diffusion_pytorch_model.safetensors.index.json",
        "diffusion_pytorch_model.safetensors",
        "adapter_model.safetensors",
        "pytorch_model.bin.index.json",
        "pytorch_model.bin"}) {
    if (fs::is_regular_file(folder / name)) {
      return folder / name;
    }
  }
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto end = entry.path().extension();
    for (const auto* known :
         {".safetensors", ".pt", ".pt2", ".pth", ".th", ".ckpt"}) {
      if (end == known && fs::is_regular_file(entry.path())) {
        found.push_back(entry.path());
      }
    }
  }
  return found.size() == 1 ? found.front() : "";
}

Foreign foreign_folder(const fs::path& folder) {
  const auto model = model_in(folder);
  if (!model.empty()) {
    return {"is a folder", "give the model's file in it, " + model};
  }
  if (fs::exists(folder / "saved_model.pb")) {
    return {
        "is a folder with a SavedModel of TensorFlow", std::string(kConvert)};
  }
  if (fs::exists(folder / ".metadata")) {
    return {
        "is a folder of torch.distributed.checkpoint",
        "make it one file with `python -m "
        "torch.distributed.checkpoint.format_utils dcp_to_torch`"};
  }
  return {"is a folder", "give a file"};
}

} // namespace

void require_no_placeholder(const MappedFile& file) {
  if (file.size() == 0) {
    throw FileError(fmt::format(
        "{}: is empty; fetch or write it again, or give another file.",
        file.path()));
  }
  if (const auto found = placeholder(file.text())) {
    refuse(file.path(), *found);
  }
}

void require_no_foreign(const MappedFile& file) {
  const auto text = file.text();
  if (begins_as_safetensors(text)) {
    return;
  }
  require_no_placeholder(file);
  if (archive::is_zip(file) || is_legacy_torch_save(file) ||
      is_shard_index(file)) {
    return;
  }
  if (const auto found = foreign_format(text)) {
    refuse(file.path(), *found);
  }
  // Too short to recognize: the file name says what was meant.
  constexpr size_t kTooShort = 8;
  if (text.size() < kTooShort && is_safetensors(file)) {
    return;
  }
  if (const auto found = foreign_text(text)) {
    refuse(file.path(), *found);
  }
}

void require_no_folder(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    refuse(path, foreign_folder(path));
  }
}

} // namespace coppice::io
