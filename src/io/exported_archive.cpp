#include "io/exported_archive.h"

#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <unordered_set>

#include "archive/byte_reader.h"
#include "io/exported_tensors.h"
#include "io/foreign_zip.h"
#include "io/torch_archive.h"

namespace coppice::io {
namespace {

constexpr const char* kOldProgram = "serialized_exported_program.json";
constexpr const char* kConstant = "a constant of the program";

/// The folder of an archive of the newer form; nullopt for others.
std::optional<std::string> newer_root(const archive::ZipArchive& zip) {
  for (const std::string& root : {root_of(zip), std::string()}) {
    if (zip.find(root + "archive_format") != nullptr) {
      return root;
    }
  }
  return std::nullopt;
}

class ExportedReader {
 public:
  explicit ExportedReader(archive::ZipArchive zip) : zip_(std::move(zip)) {}

  ExportedArchive read() {
    if (const auto package = aot_inductor_package(zip_)) {
      fail(package->what + "; " + package->advice);
    }
    const auto root = newer_root(zip_);
    root_ = root.value_or("");
    tensors_ = std::make_unique<ExportedTensors>(zip_, root_);
    if (root) {
      read_newer();
    } else {
      read_older();
    }
    for (const auto& model : result_.models) {
      require_all(model);
    }
    result_.checksums = tensors_->take_checksums();
    return std::move(result_);
  }

 private:
  using Tensors = std::vector<StoredTensor>;

  [[noreturn]] void fail(const std::string& what) const {
    throw FileError(fmt::format("{}: {}.", zip_.file()->path(), what));
  }

  std::string where(std::string_view entry) const {
    return fmt::format("{}: {}", zip_.file()->path(), entry);
  }

  const archive::ZipEntry* find(const std::string& name) const {
    return zip_.find(root_ + name);
  }

  std::string short_text(const archive::ZipEntry& entry) {
    constexpr uint64_t kMaxLength = 64;
    return entry.size > kMaxLength ? "" : std::string(zip_.read(entry).view());
  }

  void read_older();
  void read_newer();
  void require_known_archive();
  ExportedProgram program(const archive::ZipEntry& entry);
  Tensors tensors_of(const std::string& folder, const ExportedModel& model);
  void require_all(const ExportedModel& model) const;

  archive::ZipArchive zip_;
  std::string root_; ///< "NAME/"
  std::unique_ptr<ExportedTensors> tensors_;
  ExportedArchive result_;
};

ExportedProgram ExportedReader::program(const archive::ZipEntry& entry) {
  return parse_exported_program(
      zip_.read(entry).view(), where(entry.name.substr(root_.size())));
}

void ExportedReader::read_older() {
  if (const auto* version = find("version")) {
    const auto major = std::atoll(short_text(*version).c_str());
    if (major > kLatestExportSchema) {
      fail(fmt::format(
          "has version {} of the schema of torch.export, but {} is the latest "
          "supported; save it with an older PyTorch",
          archive::quoted(short_text(*version)),
          kLatestExportSchema));
    }
  }
  ExportedModel model;
  model.name = "model";
  model.program = program(*find(kOldProgram));
  // Torch 2.1 names them .json, though they are not JSON.
  const auto read = [this](const std::string& name) {
    const auto* entry = find(name + ".pt");
    entry = entry == nullptr ? find(name + ".json") : entry;
    return entry == nullptr ? Tensors() : tensors_->in_torch_save(*entry);
  };
  model.state = read("serialized_state_dict");
  model.constants = read("serialized_constants");
  result_.models.push_back(std::move(model));
}

void ExportedReader::require_known_archive() {
  if (short_text(*find("archive_format")) != "pt2") {
    fail(
        "is an archive of a format other than pt2; give one of "
        "torch.export.save");
  }
  const auto* version = find("archive_version");
  if (version != nullptr && short_text(*version) != "0") {
    fail(fmt::format(
        "is a pt2 archive of version {}, but 0 is the latest supported; save "
        "it with an older PyTorch",
        archive::quoted(short_text(*version))));
  }
  const auto* order = find("byteorder");
  if (order != nullptr && short_text(*order) != "little") {
    fail("holds big-endian numbers; save it on a little-endian machine");
  }
}

void ExportedReader::read_newer() {
  require_known_archive();
  const std::string begin = root_ + "models/";
  constexpr std::string_view kEnd = ".json";
  for (const auto& entry : zip_.entries()) {
    const auto size = entry.name.size();
    if (entry.name.substr(0, begin.size()) != begin ||
        size <= begin.size() + kEnd.size() ||
        entry.name.substr(size - kEnd.size()) != kEnd) {
      continue;
    }
    ExportedModel model;
    model.name =
        entry.name.substr(begin.size(), size - begin.size() - kEnd.size());
    model.program = program(entry);
    model.state = tensors_of("weights", model);
    model.constants = tensors_of("constants", model);
    result_.models.push_back(std::move(model));
  }
  if (result_.models.empty()) {
    fail("is a pt2 archive without a program; give one of torch.export.save");
  }
}

ExportedReader::Tensors ExportedReader::tensors_of(
    const std::string& kind,
    const ExportedModel& model) {
  const std::string folder = "data/" + kind + "/";
  if (const auto* pickle = find(folder + model.name + ".pt")) {
    return tensors_->in_torch_save(*pickle);
  }
  const std::string config = folder + model.name + "_" + kind + "_config.json";
  const auto* entry = find(config);
  if (entry == nullptr) {
    fail(fmt::format(
        "lacks {}, which lists its {}; save it again",
        archive::quoted(config),
        kind));
  }
  return tensors_->in_config(*entry, folder);
}

void ExportedReader::require_all(const ExportedModel& model) const {
  std::unordered_set<std::string_view> names;
  for (const auto* tensors : {&model.state, &model.constants}) {
    for (const auto& tensor : *tensors) {
      if (!names.insert(tensor.name).second) {
        fail(fmt::format(
            "holds two tensors of the name {}; save it again",
            archive::quoted(tensor.name)));
      }
    }
  }
  for (const auto& spec : model.program.input_specs) {
    if (spec.kind == "custom_obj") {
      fail(fmt::format(
          "holds {}, an object of class {}, which is not supported; export the "
          "model without it",
          archive::quoted(spec.target),
          archive::quoted(spec.spec["arg"]["class_fqn"].text().value_or("?"))));
    }
    const bool is_tensor = spec.kind == "parameter" || spec.kind == "buffer" ||
        spec.kind == "tensor_constant";
    if (is_tensor && names.count(spec.target) == 0) {
      fail(fmt::format(
          "lacks the {} {} of its program; save it again",
          spec.kind == "tensor_constant" ? "constant" : spec.kind,
          archive::quoted(spec.target)));
    }
  }
}

} // namespace

bool is_exported_archive(const archive::ZipArchive& zip) {
  return zip.find(kOldProgram) != nullptr || newer_root(zip).has_value();
}

ExportedArchive read_exported_archive(archive::ZipArchive zip) {
  return ExportedReader(std::move(zip)).read();
}

std::string name_in_checkpoint(
    const ExportedArchive& archive,
    const ExportedModel& model,
    const std::string& fqn) {
  return archive.models.size() == 1 ? fqn : model.name + "." + fqn;
}

Checkpoint read_exported_checkpoint(archive::ZipArchive zip) {
  Checkpoint checkpoint;
  checkpoint.format = CheckpointFormat::ExportedProgram;
  checkpoint.files = {zip.file()};
  auto archive = read_exported_archive(std::move(zip));
  std::unordered_set<std::string> names;
  const auto add = [&](const ExportedModel& model, StoredTensor tensor) {
    tensor.name = name_in_checkpoint(archive, model, tensor.name);
    if (!names.insert(tensor.name).second) {
      throw FileError(fmt::format(
          "{}: holds two tensors of the name {}; rename a model in it.",
          checkpoint.files[0]->path(),
          archive::quoted(tensor.name)));
    }
    checkpoint.state.tensors.push_back(std::move(tensor));
  };
  for (const auto& model : archive.models) {
    for (const auto& tensor : model.state) {
      add(model, tensor);
    }
    for (auto tensor : model.constants) {
      if (tensor.fixed_because.empty()) {
        tensor.fixed_because = kConstant;
      }
      add(model, std::move(tensor));
    }
  }
  checkpoint.checksums = std::move(archive.checksums);
  return checkpoint;
}

} // namespace coppice::io
