#include "io/exported_tensors.h"

#include <fmt/format.h>

#include "archive/byte_reader.h"
#include "io/tensor_names.h"

namespace coppice::io {
namespace {

constexpr const char* kCompressed = "its archive entry is compressed";

} // namespace

void ExportedTensors::fail(const std::string& what) const {
  throw FileError(fmt::format("{}: {}.", zip_.file()->path(), what));
}

std::string ExportedTensors::where(std::string_view entry) const {
  return fmt::format("{}: {}", zip_.file()->path(), entry.substr(root_.size()));
}

ExportedTensors::Tensors ExportedTensors::in_config(
    const archive::ZipEntry& config,
    const std::string& folder) {
  const auto place = where(config.name);
  const auto document = JsonDocument::parse(zip_.read(config).view(), place);
  const auto payloads = document->root()["config"];
  if (payloads.kind() != JsonKind::Object) {
    throw FileError(
        fmt::format("{} has no object `config`; save it again.", place));
  }
  Tensors tensors;
  for (const auto& node : payloads.items()) {
    const auto payload = exported_payload(node, place);
    if (payload.is_object) {
      fail(fmt::format(
          "holds {}, an object instead of a tensor, which is not supported; "
          "export the model without it",
          archive::quoted(payload.name)));
    }
    const std::string path = folder + std::string(payload.path);
    const auto* entry = zip_.find(root_ + path);
    if (entry == nullptr) {
      fail(fmt::format(
          "lacks {}, which holds tensor {}; save it again",
          archive::quoted(path),
          archive::quoted(payload.name)));
    }
    tensors.push_back(
        payload.is_pickled ? pickled_tensor(*entry, payload)
                           : plain_tensor(*entry, payload, place));
  }
  return tensors;
}

/// The content of an entry, which must always be used in the same way:
/// otherwise a change through one tensor could corrupt another.
ExportedTensors::Content& ExportedTensors::content_of(
    const archive::ZipEntry& entry,
    bool is_nested,
    bool& is_new) {
  const auto [found, is_first] = contents_.try_emplace(&entry);
  auto& content = found->second;
  is_new = is_first;
  if (is_first) {
    content.is_nested = is_nested;
  } else if (content.is_nested != is_nested) {
    fail(fmt::format(
        "uses {} both as bytes and as a file of torch.save; save it again",
        archive::quoted(entry.name)));
  }
  return content;
}

StoredTensor ExportedTensors::plain_tensor(
    const archive::ZipEntry& entry,
    const ExportedPayload& payload,
    const std::string& config) {
  bool is_new = false;
  auto& content = content_of(entry, false, is_new);
  if (is_new) {
    content.bytes = std::make_unique<archive::ZipText>(zip_.inflate(entry));
    add_checksum(entry);
  }
  auto tensor = payload_tensor(payload, content.bytes->view(), config);
  tensor.owner = zip_.file();
  if (const auto inflated = content.bytes->inflated()) {
    tensor.owner = inflated;
    tensor.fixed_because = kCompressed;
  }
  return tensor;
}

StoredTensor ExportedTensors::pickled_tensor(
    const archive::ZipEntry& entry,
    const ExportedPayload& payload) {
  bool is_new = false;
  auto& content = content_of(entry, true, is_new);
  if (is_new) {
    TorchArchive nested(nested_file(entry));
    const auto value = nested.data();
    const auto* tensor = value.get_if<PickleTensor>();
    if (tensor == nullptr) {
      fail(fmt::format(
          "holds {} as {} instead of a plain tensor; export the model with "
          "plain tensors",
          archive::quoted(payload.name),
          value.kind_name()));
    }
    add_nested_checksums(entry, nested);
    content.tensor = std::make_unique<StoredTensor>(tensor->tensor);
    if (entry.deflated) {
      content.tensor->fixed_because = kCompressed;
    }
  }
  if (!content.tensor) {
    fail(fmt::format(
        "uses {} both for one tensor and for several; save it again",
        archive::quoted(entry.name)));
  }
  auto tensor = *content.tensor;
  tensor.name = payload.name;
  return tensor;
}

ExportedTensors::Tensors ExportedTensors::in_torch_save(
    const archive::ZipEntry& entry) {
  bool is_new = false;
  content_of(entry, true, is_new);
  if (!is_new) {
    fail(fmt::format(
        "uses {} for two purposes; save it again",
        archive::quoted(entry.name)));
  }
  const auto file = nested_file(entry);
  TorchArchive nested(file);
  const auto value = nested.data();
  TensorNames names(file->path() + ": data.pkl", nested.pickle_size());
  names.add(value, "", entry.deflated ? kCompressed : "");
  add_nested_checksums(entry, nested);
  Checkpoint found;
  names.give_to(found);
  return std::move(found.state.tensors);
}

std::shared_ptr<const MappedFile> ExportedTensors::nested_file(
    const archive::ZipEntry& entry) {
  if (!entry.deflated) {
    return MappedFile::part_of(zip_.file(), entry.data, where(entry.name));
  }
  const auto text = zip_.inflate(entry);
  const auto* bytes = reinterpret_cast<const std::byte*>(text.view().data());
  return MappedFile::of_bytes(
      where(entry.name), {bytes, bytes + text.view().size()});
}

void ExportedTensors::add_nested_checksums(
    const archive::ZipEntry& entry,
    const TorchArchive& nested) {
  if (entry.deflated) {
    return;
  }
  for (auto checksum : nested.checksums()) {
    checksum.covered.begin += entry.data.begin;
    checksum.covered.end += entry.data.begin;
    for (auto& place : checksum.places) {
      place += entry.data.begin;
    }
    checksums_.push_back(std::move(checksum));
  }
  add_checksum(entry);
}

void ExportedTensors::add_checksum(const archive::ZipEntry& entry) {
  if (!entry.deflated && entry.size > 0) {
    checksums_.push_back({0, entry.data, entry.crc_offsets});
  }
}

} // namespace coppice::io
