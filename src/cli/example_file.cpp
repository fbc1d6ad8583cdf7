#include "cli/example_file.h"

#include <coppice/io/checkpoint.h>
#include "io/torch_file.h"

#include <optional>

#include "cli/arguments.h"
#include "cli/input_file.h"

namespace coppice::cli {
namespace {

PickleValue dictionary_of(const StateDict& state) {
  PickleDict dictionary;
  for (const auto& stored : state.tensors) {
    PickleTensor tensor;
    tensor.tensor = stored;
    dictionary.set(stored.name, std::move(tensor));
  }
  return dictionary;
}

/// Nothing if it is not a valid file of torch.save.
std::optional<TorchFile> torch_file(const std::string& path) {
  try {
    return read_torch_file(path);
  } catch (const FileError&) {
    return std::nullopt;
  }
}

} // namespace

std::vector<c10::IValue> inputs_in_file(
    const std::string& path,
    const torch::jit::Module& module) {
  require_input_file(path);
  if (const auto file = torch_file(path)) {
    return arguments_from(file->value, module, path);
  }
  const auto checkpoint = open_checkpoint(path);
  if (checkpoint.format == CheckpointFormat::TorchScript ||
      checkpoint.format == CheckpointFormat::ExportedProgram ||
      checkpoint.format == CheckpointFormat::TorchSave ||
      checkpoint.format == CheckpointFormat::LegacyTorchSave) {
    read_torch_file(path); // Throws, with the reason.
  }
  return arguments_from(dictionary_of(checkpoint.state), module, path);
}

} // namespace coppice::cli
