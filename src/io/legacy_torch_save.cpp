// The format of torch.save before 1.6, in this order:
//
//   pickle   the magic number
//   pickle   the protocol, 1001
//   pickle   the system: {"little_endian": True, ...}
//   pickle   the object, which names its storages by keys
//   pickle   the keys, in the order of
//   int64    the number of elements of a storage
//   bytes    those elements; both for every key

#include "io/legacy_torch_save.h"

#include <fmt/format.h>

#include <map>

#include "archive/byte_reader.h"
#include "archive/pickle_reader.h"
#include "io/formats.h"
#include "io/tensor_names.h"

namespace coppice::io {
namespace {

constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr int64_t kProtocol = 1001;

class LegacyReader {
 public:
  explicit LegacyReader(std::shared_ptr<const MappedFile> file)
      : file_(std::move(file)) {}

  /// The object and the size of its pickle.
  archive::Pickle read(archive::ForeignNames foreign) {
    check_head();
    // The positions of the storages follow the object, so it is read twice:
    // first for the keys and dtypes of its storages.
    const uint64_t object = offset_;
    next([this](const archive::StorageId& id) { return expect(id); }, foreign);
    find_storages(next(nullptr).value);
    offset_ = object;
    return next(
        [this](const archive::StorageId& id) { return load(id); }, foreign);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw FileError(fmt::format(
        "{}: {}; it is cut short or broken, save it again.",
        file_->path(),
        what));
  }

  archive::Pickle next(
      std::function<PickleStorage(const archive::StorageId&)> load,
      archive::ForeignNames foreign = archive::ForeignNames::Refused) {
    archive::PickleContext context;
    context.where =
        fmt::format("{}: the pickle at byte {}", file_->path(), offset_);
    context.foreign = foreign;
    context.load_storage = std::move(load);
    archive::Pickle pickle =
        archive::read_pickle(file_->text().substr(offset_), context);
    offset_ += pickle.size;
    return pickle;
  }

  void check_head() {
    const PickleValue magic = next(nullptr).value;
    const auto* number = magic.get_if<PickleBigInt>();
    if (!number || number->bytes != kMagic) {
      fail("does not start with the magic number of torch.save");
    }
    const PickleValue protocol = next(nullptr).value;
    if (!protocol.get_if<int64_t>() ||
        *protocol.get_if<int64_t>() != kProtocol) {
      fail("has a protocol other than 1001");
    }
    const PickleValue system = next(nullptr).value;
    const auto* facts = system.get_if<PickleDict>();
    const auto* little = facts ? facts->find("little_endian") : nullptr;
    if (!little || !little->get_if<bool>() || !*little->get_if<bool>()) {
      throw FileError(fmt::format(
          "{}: holds big-endian numbers; save it on a little-endian machine.",
          file_->path()));
    }
  }

  PickleStorage expect(const archive::StorageId& id) {
    widths_.emplace(id.key, dtype_bits(id.dtype) / 8);
    PickleStorage storage;
    storage.dtype = id.dtype;
    storage.size = id.view ? id.view->size : id.size;
    return storage;
  }

  void find_storages(const PickleValue& keys) {
    const auto* list = keys.get_if<PickleList>();
    if (!list) {
      fail("has no list of storages");
    }
    const uint64_t size = file_->size();
    for (const auto& item : list->items) {
      const auto* key = item.get_if<std::string>();
      const auto width = key ? widths_.find(*key) : widths_.end();
      if (width == widths_.end()) {
        fail("lists a storage that no tensor refers to");
      }
      uint64_t bytes = 0;
      if (size - offset_ < sizeof(uint64_t) ||
          __builtin_mul_overflow(
              archive::number_at<uint64_t>(file_->text(), offset_),
              uint64_t(width->second),
              &bytes) ||
          bytes > size - offset_ - sizeof(uint64_t)) {
        fail(fmt::format(
            "the storage {} extends beyond the end of the file",
            archive::quoted(*key)));
      }
      const uint64_t begin = offset_ + sizeof(uint64_t);
      places_[*key] = {begin, begin + bytes};
      offset_ = begin + bytes;
    }
  }

  PickleStorage load(const archive::StorageId& id) {
    const auto found = places_.find(id.key);
    if (found == places_.end()) {
      fail(fmt::format("lacks the storage {}", archive::quoted(id.key)));
    }
    const ByteRange place = found->second;
    const uint64_t room = place.end - place.begin;
    const auto view = id.view.value_or(archive::StorageView{0, id.size});
    if (id.size > room || view.offset > room ||
        view.size > room - view.offset) {
      fail(fmt::format(
          "the storage {} is smaller than its tensors need",
          archive::quoted(id.key)));
    }
    PickleStorage storage;
    storage.dtype = id.dtype;
    storage.data = file_->data() + place.begin + view.offset;
    storage.size = view.size;
    storage.owner = file_;
    return storage;
  }

  std::shared_ptr<const MappedFile> file_;
  uint64_t offset_ = 0;
  std::map<std::string, int64_t> widths_; ///< Bytes per element.
  std::map<std::string, ByteRange> places_;
};

} // namespace

bool is_legacy_torch_save(const MappedFile& file) {
  // After the protocol and, in newer files, a frame.
  constexpr size_t kHead = 32;
  const auto head = file.text().substr(0, kHead);
  return head.substr(0, 1) == "\x80" &&
      head.find(kMagic) != std::string_view::npos;
}

PickleValue read_legacy_value(const std::shared_ptr<const MappedFile>& file) {
  return LegacyReader(file).read(archive::ForeignNames::Refused).value;
}

Checkpoint read_legacy_torch_save(std::shared_ptr<const MappedFile> file) {
  Checkpoint checkpoint;
  checkpoint.format = CheckpointFormat::LegacyTorchSave;
  checkpoint.files = {file};
  archive::Pickle model = LegacyReader(file).read(archive::ForeignNames::Inert);
  TensorNames names(file->path(), model.size);
  names.add(model.value, "");
  names.give_to(checkpoint);
  checkpoint.code = std::move(model.code);
  return checkpoint;
}

} // namespace coppice::io
