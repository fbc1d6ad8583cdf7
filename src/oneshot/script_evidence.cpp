#include "oneshot/script_evidence.h"

#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/script.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <set>

#include "graph/mapped_script.h"
#include "oneshot/exported_evidence.h"
#include "oneshot/script_code.h"

namespace coppice::oneshot {
namespace {

/// Lets LibTorch read a mapped file.
class MappedReader : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit MappedReader(std::shared_ptr<const MappedFile> file)
      : file_(std::move(file)) {}

  size_t size() const override {
    return file_->size();
  }
  size_t read(uint64_t position, void* to, size_t count, const char* /*what*/)
      const override {
    if (position >= file_->size()) {
      return 0;
    }
    const auto length = std::min<uint64_t>(count, file_->size() - position);
    std::memcpy(to, file_->data() + position, length);
    return length;
  }

 private:
  std::shared_ptr<const MappedFile> file_;
};

bool mentions(const std::string& text, const char* word) {
  return text.find(word) != std::string::npos;
}

constexpr const char* kTooLarge = "it does not fit into free memory";

/// Whether LibTorch failed for lack of memory.
bool is_of_memory(const std::exception& error) {
  return dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
      mentions(error.what(), "memory: you tried to allocate");
}

/// Why LibTorch should not load an archive; empty if it may.
std::string why_not_loaded(const ScriptCode& code) {
  for (const auto& [name, text] : code) {
    if (mentions(text, "__setstate__")) {
      return "its code would run when it is loaded (`__setstate__`)";
    }
    if (mentions(text, "__torch__.torch.classes")) {
      return "it holds objects of a library's classes";
    }
  }
  return "";
}

/// The model, most often with its tensors in the file; none if it needs more
/// than half of `free_bytes`.
std::optional<torch::jit::Module> load(
    const std::shared_ptr<const MappedFile>& file,
    uint64_t free_bytes) {
  auto mapped = graph::mapped_script(file);
  if (!mapped && file->size() <= free_bytes / 2) {
    mapped =
        torch::jit::load(std::make_unique<MappedReader>(file), torch::kCPU);
  }
  return mapped;
}

} // namespace

const graph::WeightUse* ScriptEvidence::find(const std::string& name) const {
  const auto found = uses.tensors.find(name);
  return found == uses.tensors.end() ? nullptr : &found->second;
}

std::optional<ScriptEvidence> script_evidence(
    const Checkpoint& checkpoint,
    uint64_t free_bytes) {
  if (checkpoint.format == CheckpointFormat::ExportedProgram) {
    return exported_evidence(checkpoint);
  }
  if (checkpoint.format != CheckpointFormat::TorchScript ||
      checkpoint.files.empty()) {
    return std::nullopt;
  }
  ScriptEvidence evidence;
  try {
    const auto code = script_code(checkpoint);
    evidence.not_from_graph_because = why_not_loaded(code);
    if (!evidence.not_from_graph_because.empty()) {
      evidence.uses.tensors = declared_kinds(checkpoint, code);
      return evidence;
    }
    try {
      const auto module = load(checkpoint.files[0], free_bytes);
      if (!module) {
        evidence.not_from_graph_because = kTooLarge;
        evidence.uses.tensors = declared_kinds(checkpoint, code);
        return evidence;
      }
      evidence.uses = graph::weight_uses(*module);
      evidence.from_graph = evidence.uses.has_code;
      if (!evidence.from_graph) {
        evidence.not_from_graph_because = "it holds no methods";
      }
    } catch (const std::exception& error) {
      // Most often an op that this LibTorch lacks.
      evidence.not_from_graph_because = is_of_memory(error)
          ? kTooLarge
          : "this LibTorch cannot load its code";
      evidence.uses.tensors = declared_kinds(checkpoint, code);
    }
  } catch (const std::exception&) {
    // Tensors can be read without the code.
    evidence.not_from_graph_because = "its code cannot be read";
  }
  return evidence;
}

} // namespace coppice::oneshot
