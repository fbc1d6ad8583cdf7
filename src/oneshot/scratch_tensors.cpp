#include "oneshot/scratch_tensors.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "archive/private_mapping.h"
#include "coppice/model/torch_tensors.h"
#include "graph/storage_memory.h"
#include "io/output_steps.h"
#include "io/torch_file.h"

namespace coppice::oneshot {
namespace {

using torch::Tensor;

/// The elements of a tensor in the order in which they lie in memory.
Tensor in_memory_order(const Tensor& tensor) {
  return tensor.as_strided({tensor.numel()}, {1}, tensor.storage_offset());
}

} // namespace

bool FileTensor::fits(const Tensor& like) const {
  return graph::fills_storage(like) && like.sizes() == tensor.sizes() &&
      like.strides() == tensor.strides() &&
      like.scalar_type() == tensor.scalar_type();
}

void FileTensor::give_to(const Tensor& to) const {
  const auto memory = archive::map_privately(file);
  if (!memory) {
    to.detach().copy_(tensor);
    return;
  }
  const auto* const begin = static_cast<const std::byte*>(tensor.data_ptr());
  graph::set_memory(
      to.storage(), memory.get() + (begin - file->data()), memory);
}

ScratchTensors::ScratchTensors(const std::string& output) {
  if (output.empty()) {
    path_ = std::filesystem::temp_directory_path().string();
    return;
  }
  path_ = io::ScratchFolder::path_for(output);
  folder_ = std::make_unique<io::ScratchFolder>(path_);
}

void ScratchTensors::clear() {
  if (folder_ != nullptr) {
    folder_->clear();
  }
}

FileTensor ScratchTensors::keep(
    const std::string& name,
    const Tensor& tensor,
    const ScratchFacts& facts) {
  PickleTensor elements;
  elements.tensor = as_stored("", in_memory_order(tensor.detach()));
  PickleDict dictionary;
  dictionary.set("tensor", std::move(elements));
  dictionary.set("text", facts.text);
  for (const auto& [key, number] : facts.numbers) {
    dictionary.set(key, number);
  }
  io::allow_open_files(++files_);
  const auto path = folder_ != nullptr
      ? folder_->file(name)
      : fmt::format("{}/coppice-tmp-{}-{}", path_, getpid(), name);
  write_torch_file(path, dictionary);
  auto kept = read(path, tensor);
  TORCH_CHECK(kept, path, " was changed while it was written");
  if (folder_ == nullptr) {
    unlink(path.c_str()); // The values stay for as long as they are mapped.
  }
  return kept->first;
}

std::optional<std::pair<FileTensor, ScratchFacts>> ScratchTensors::find(
    const std::string& name,
    const Tensor& like,
    const std::string& text) {
  io::allow_open_files(++files_);
  if (folder_ == nullptr) {
    return std::nullopt;
  }
  auto found = read(folder_->file(name), like);
  return found && found->second.text == text ? found : std::nullopt;
}

std::optional<std::pair<FileTensor, ScratchFacts>> ScratchTensors::read(
    const std::string& path,
    const Tensor& like) const {
  TorchFile file;
  try {
    file = read_torch_file(path);
  } catch (const FileError&) {
    return std::nullopt; // Not there, or no such file.
  }
  const auto* const dictionary = file.value.get_if<PickleDict>();
  if (dictionary == nullptr) {
    return std::nullopt;
  }
  ScratchFacts facts;
  const StoredTensor* stored = nullptr;
  for (const auto& [key, value] : dictionary->items) {
    const auto* const name = key.get_if<std::string>();
    if (const auto* const tensor = value.get_if<PickleTensor>()) {
      stored = &tensor->tensor;
    } else if (const auto* const text = value.get_if<std::string>()) {
      facts.text = *text;
    } else if (const auto* const number = value.get_if<double>()) {
      facts.numbers[name == nullptr ? "" : *name] = *number;
    }
  }
  if (stored == nullptr || !stored->is_contiguous() ||
      stored->numel() != like.numel() ||
      scalar_type_of(stored->dtype) != like.scalar_type()) {
    return std::nullopt;
  }
  const auto elements = as_tensor(*stored);
  return std::make_pair(
      FileTensor{
          elements.as_strided(like.sizes(), like.strides(), 0), file.file},
      std::move(facts));
}

} // namespace coppice::oneshot
