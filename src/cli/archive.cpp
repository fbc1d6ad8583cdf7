#include "cli/archive.h"

#include <caffe2/serialize/inline_container.h>
#include <fmt/format.h>
#include <torch/csrc/jit/serialization/import.h>

#include <fstream>
#include <memory>

#include "cli/errors.h"
#include "cli/input_file.h"

namespace coppice::cli {
namespace {

constexpr const char* kReadable =
    "so far TorchScript archives are read (torch.jit.save in Python, "
    "torch::save of a module in C++)";

/// The first bytes of every zip file with something in it.
bool is_zip(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char magic[4] = {};
  file.read(magic, sizeof(magic));
  return file.gcount() == 4 && std::string(magic, 4) == "PK\x03\x04";
}

void require_torchscript(const std::string& path) {
  std::unique_ptr<caffe2::serialize::PyTorchStreamReader> reader;
  try {
    reader = std::make_unique<caffe2::serialize::PyTorchStreamReader>(path);
  } catch (const std::exception&) {
    throw InputError(fmt::format(
        "{} is a damaged archive or was cut short: write or fetch it again.",
        path));
  }
  if (reader->hasRecord("constants.pkl")) {
    return;
  }
  throw InputError(fmt::format(
      "{} is {}, and {}.",
      path,
      reader->hasRecord("data.pkl") ? "a torch.save file of Python"
                                    : "a zip file without a model",
      kReadable));
}

} // namespace

torch::jit::Module load_archive(const std::string& path) {
  require_input_file(path);
  if (!is_zip(path)) {
    throw InputError(
        fmt::format("{} is not an archive, and {}.", path, kReadable));
  }
  require_torchscript(path);
  try {
    return torch::jit::load(path, at::kCPU);
  } catch (const std::exception&) {
    throw InputError(fmt::format(
        "{} cannot be loaded: it is damaged, or needs operators that LibTorch "
        "alone does not have.",
        path));
  }
}

} // namespace coppice::cli
