#include "io/foreign_zip.h"

#include <fmt/format.h>

#include <algorithm>

#include "archive/byte_reader.h"

namespace coppice::io {
namespace {

bool ends_with(std::string_view name, std::string_view end) {
  return name.size() >= end.size() &&
      name.substr(name.size() - end.size()) == end;
}

/// The first entry whose name ends with `end`; null if there is none.
const archive::ZipEntry* entry_that_ends(
    const archive::ZipArchive& zip,
    std::string_view end) {
  for (const auto& entry : zip.entries()) {
    if (ends_with(entry.name, end)) {
      return &entry;
    }
  }
  return nullptr;
}

} // namespace

std::optional<Foreign> aot_inductor_package(const archive::ZipArchive& zip) {
  const bool is_package = std::any_of(
      zip.entries().begin(), zip.entries().end(), [](const auto& entry) {
        return entry.name.find("data/aotinductor/") != std::string_view::npos;
      });
  if (!is_package) {
    return std::nullopt;
  }
  return Foreign{
      "is an AOTInductor package, which holds compiled code instead of the "
      "model",
      "give the .pt2 of torch.export.save, and compile the result again"};
}

Foreign foreign_zip(const archive::ZipArchive& zip) {
  const auto has = [&zip](std::string_view end) {
    return entry_that_ends(zip, end) != nullptr;
  };
  if (const auto package = aot_inductor_package(zip)) {
    return *package;
  }
  if (has("serialized_exported_program.json") || has("archive_format")) {
    return {
        "is an archive of torch.export (.pt2), which is not supported here, or "
        "was repacked",
        "give a torch.save file, or the original .pt2"};
  }
  if (has("model.weights.h5")) {
    return {
        "is a model of Keras",
        "load it there and save its weights as safetensors"};
  }
  if (has("MAR-INF/MANIFEST.json")) {
    return {
        "is an archive of TorchServe",
        "unpack it and give the model file in it"};
  }
  for (const std::string_view end :
       {".safetensors", ".pt2", ".pt", ".pth", ".ckpt", ".bin"}) {
    if (const auto* model = entry_that_ends(zip, end)) {
      return {
          fmt::format(
              "is a zip archive that holds {}", archive::quoted(model->name)),
          "unpack it and give that file"};
    }
  }
  if (has(".npy")) {
    return {
        "is a zip archive without data.pkl, but arrays of NumPy (.npz)",
        "load them there and save them as safetensors"};
  }
  return {
      "is a zip archive without data.pkl",
      "give a torch.save file, a TorchScript archive or a .pt2"};
}

} // namespace coppice::io
