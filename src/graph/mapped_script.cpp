#include "graph/mapped_script.h"

#include <c10/core/CPUAllocator.h>

#include <cstring>
#include <exception>
#include <set>
#include <sstream>

#include "archive/private_mapping.h"
#include "archive/stripped_script.h"
#include "graph/storage_memory.h"

namespace coppice::graph {
namespace {

/// Gives the storages of a model that was loaded stripped their bytes.
class StorageFiller {
 public:
  StorageFiller(
      const archive::StrippedScript& stripped,
      std::shared_ptr<std::byte> memory)
      : stripped_(stripped), memory_(std::move(memory)) {}

  /// Whether all of them could be found.
  bool fill(const c10::IValue& value) {
    bool is_filled = true;
    value.visit([&](const c10::IValue& each) {
      if (each.isObject()) {
        return !objects_.insert(each.toObject().get()).second;
      }
      is_filled = is_filled &&
          (each.isTensor() ? fill_tensor(each.toTensor()) : is_known(each));
      return !is_filled;
    });
    return is_filled;
  }

 private:
  /// What holds tensors only in ways that are walked through.
  static bool is_known(const c10::IValue& value) {
    return value.isNone() || value.isBool() || value.isInt() ||
        value.isDouble() || value.isComplexDouble() || value.isString() ||
        value.isDevice() || value.isList() || value.isTuple() ||
        value.isGenericDict();
  }

  bool fill_tensor(const at::Tensor& tensor) {
    if (!tensor.defined() || !tensor.device().is_cpu()) {
      return true;
    }
    if (tensor.layout() != torch::kStrided || tensor.is_quantized()) {
      return false;
    }
    const auto& storage = tensor.storage();
    const bool is_new = storages_.insert(storage.unsafeGetStorageImpl()).second;
    if (!is_new || storage.nbytes() < archive::StrippedScript::kMarkSize) {
      return true;
    }
    const auto* const record = stripped_.record_of(storage.data());
    if (record == nullptr) {
      return true;
    }
    if (record->end - record->begin != storage.nbytes()) {
      return false;
    }
    give(storage, record->begin);
    return true;
  }

  void give(const c10::Storage& storage, uint64_t begin) const {
    constexpr uint64_t kAlignment = 16; // Of the widest elements.
    if (begin % kAlignment == 0) {
      set_memory(storage, memory_.get() + begin, memory_);
      return;
    }
    auto copy = c10::GetCPUAllocator()->allocate(storage.nbytes());
    std::memcpy(copy.get(), memory_.get() + begin, storage.nbytes());
    storage.set_data_ptr_noswap(std::move(copy));
  }

  const archive::StrippedScript& stripped_;
  std::shared_ptr<std::byte> memory_;
  std::set<const void*> objects_;
  std::set<const void*> storages_;
};

} // namespace

std::optional<torch::jit::Module> mapped_script(
    const std::shared_ptr<const MappedFile>& file) {
  try {
    const auto stripped = archive::strip_script(file);
    const auto memory = stripped ? archive::map_privately(file) : nullptr;
    if (!memory) {
      return std::nullopt;
    }
    std::istringstream archive(stripped->bytes);
    auto module = torch::jit::load(archive, torch::kCPU);
    return StorageFiller(*stripped, memory).fill(c10::IValue(module._ivalue()))
        ? std::make_optional(std::move(module))
        : std::nullopt;
  } catch (const std::exception&) {
    return std::nullopt; // LibTorch's own load says what is wrong.
  }
}

} // namespace coppice::graph
