#include "cli/script_file.h"

#include <caffe2/serialize/inline_container.h>
#include <coppice/graph/load_exported.h>
#include <coppice/io/checkpoint.h>
#include <fmt/format.h>
#include <torch/csrc/jit/serialization/export.h>
#include "graph/mapped_script.h"
#include "io/output_file.h"

#include "cli/errors.h"
#include "cli/input_file.h"
#include "cli/load_error.h"

namespace coppice::cli {
namespace {

/// The names of an archive's extra files; contents are empty.
ExtraFiles extra_files_in(const std::string& path) {
  const std::string folder = "extra/";
  ExtraFiles files;
  caffe2::serialize::PyTorchStreamReader archive(path);
  for (const auto& record : archive.getAllRecords()) {
    if (record.rfind(folder, 0) == 0) {
      files[record.substr(folder.size())];
    }
  }
  return files;
}

torch::jit::Module load(const std::string& path, ExtraFiles* extra) {
  if (extra == nullptr) {
    return torch::jit::load(path, torch::kCPU);
  }
  *extra = extra_files_in(path);
  return torch::jit::load(path, torch::kCPU, *extra);
}

} // namespace

torch::jit::Module load_script(const std::string& path, ExtraFiles* extra) {
  require_input_file(path);
  try {
    return load(path, extra);
  } catch (const std::exception& error) {
    const auto reason = load_error(error);
    // A message of Coppice's packed weight, not of LibTorch.
    if (reason.rfind("PackedWeight: ", 0) == 0) {
      throw InputError(fmt::format("{} cannot be loaded: {}.", path, reason));
    }
    // Has the better message for broken files and other formats.
    const auto format = open_checkpoint(path).format;
    if (format == CheckpointFormat::ExportedProgram) {
      return load_exported(path);
    }
    if (format != CheckpointFormat::TorchScript) {
      throw InputError(fmt::format(
          "{} is a {}, which holds tensors but no model to run; save the model "
          "as TorchScript.",
          path,
          format_name(format)));
    }
    throw InputError(
        fmt::format("{} cannot be loaded by this LibTorch: {}.", path, reason));
  }
}

torch::jit::Module load_mapped_script(const std::string& path) {
  require_input_file(path);
  auto mapped = graph::mapped_script(MappedFile::open(path));
  return mapped ? std::move(*mapped) : load_script(path);
}

void save_script(
    const torch::jit::Module& module,
    const std::string& path,
    const ExtraFiles& extra) {
  OutputFile file(path);
  const std::function<size_t(const void*, size_t)> write = [&](const void* data,
                                                               size_t size) {
    file.write(data, size);
    return size;
  };
  torch::jit::ExportModule(module, write, extra);
  file.commit();
}

} // namespace coppice::cli
