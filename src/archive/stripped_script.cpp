#include "archive/stripped_script.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>

#include "archive/byte_reader.h"
#include "archive/pickle_reader.h"
#include "archive/zip.h"
#include "archive/zip_writer.h"
#include "coppice/archive/file_error.h"

namespace coppice::archive {
namespace {

constexpr uint64_t kSmallest = uint64_t(64) << 10;
constexpr std::string_view kMark("\x93!coppi\xfe", 8);

bool holds(std::string_view text, std::string_view word) {
  return text.find(word) != std::string_view::npos;
}

/// Takes an archive apart.
class Stripping {
 public:
  explicit Stripping(const std::shared_ptr<const MappedFile>& file)
      : zip_(file) {
    if (!zip_.entries().empty()) {
      const auto name = zip_.entries()[0].name;
      root_ = name.substr(0, name.find('/') + 1);
    }
  }

  std::optional<StrippedScript> run() {
    const auto* const data = zip_.find(root_ + "data.pkl");
    if (data == nullptr || runs_code()) {
      return std::nullopt;
    }
    const auto pickle = zip_.read(*data);
    for (const auto* const word :
         {"_rebuild_qtensor", "_rebuild_sparse", "torch.classes"}) {
      if (holds(pickle.view(), word)) {
        return std::nullopt;
      }
    }
    find_storages(pickle.view());
    return write();
  }

 private:
  bool runs_code() {
    return std::any_of(
        zip_.entries().begin(), zip_.entries().end(), [&](const auto& entry) {
          if (entry.name.substr(0, root_.size() + 5) != root_ + "code/" ||
              holds(entry.name, ".debug_pkl")) {
            return false;
          }
          const auto code = zip_.read(entry);
          return holds(code.view(), "__setstate__") ||
              holds(code.view(), "torch.classes");
        });
  }

  /// Finds the storages of which the pickle says the size that they have.
  void find_storages(std::string_view pickle) {
    std::set<const ZipEntry*> unfit;
    PickleContext context;
    context.where = zip_.file()->path();
    context.torch_script = true;
    context.load_storage = [&](const StorageId& id) {
      const auto* const entry = zip_.find(root_ + "data/" + id.key);
      if (entry == nullptr || id.view || entry->size < id.size) {
        throw FileError(zip_.file()->path() + ": lacks a storage.");
      }
      large_.insert(entry);
      if (entry->deflated || entry->size != id.size || id.size < kSmallest) {
        unfit.insert(entry);
      }
      PickleStorage storage;
      storage.dtype = id.dtype;
      storage.size = id.size;
      storage.owner = zip_.file();
      storage.data = zip_.file()->data() + entry->data.begin;
      return storage;
    };
    read_pickle(pickle, context);
    for (const auto* const entry : unfit) {
      large_.erase(entry);
    }
  }

  std::optional<StrippedScript> write() {
    if (large_.empty()) {
      return std::nullopt;
    }
    StrippedScript stripped;
    ZipWriter writer([&](std::string_view bytes) { stripped.bytes += bytes; });
    for (const auto& entry : zip_.entries()) {
      const std::string name(entry.name);
      if (large_.count(&entry) == 0) {
        writer.add(name, zip_.read(entry).view());
        continue;
      }
      std::array<char, StrippedScript::kMarkSize> mark{};
      const uint64_t index = stripped.records.size();
      std::memcpy(mark.data(), kMark.data(), kMark.size());
      std::memcpy(mark.data() + kMark.size(), &index, sizeof(index));
      writer.add(name, {mark.data(), mark.size()});
      stripped.records.push_back(entry.data);
    }
    writer.finish();
    return stripped;
  }

  ZipArchive zip_;
  std::string root_;
  std::set<const ZipEntry*> large_;
};

} // namespace

const ByteRange* StrippedScript::record_of(const void* storage) const {
  uint64_t index = 0;
  static_assert(kMark.size() + sizeof(index) == kMarkSize);
  if (std::memcmp(storage, kMark.data(), kMark.size()) != 0) {
    return nullptr;
  }
  std::memcpy(
      &index, static_cast<const char*>(storage) + kMark.size(), sizeof(index));
  return index < records.size() ? &records[index] : nullptr;
}

std::optional<StrippedScript> strip_script(
    const std::shared_ptr<const MappedFile>& file) {
  return Stripping(file).run();
}

} // namespace coppice::archive
