// Any bytes as a pickle, of torch.save and of TorchScript, of plain data and
// with inert objects, and as a file of torch.save before 1.6.

#include "archive/pickle_reader.h"
#include "coppice/archive/file_error.h"
#include "io/formats.h"
#include "io/tensor_names.h"
#include "memory_file.h"
#include "touch.h"

namespace {

coppice::PickleStorage storage_of(const coppice::archive::StorageId& id) {
  static const auto bytes = std::make_shared<std::string>(4096, 'x');
  if (id.view || id.size > bytes->size()) {
    throw coppice::FileError("too large");
  }
  coppice::PickleStorage storage;
  storage.dtype = id.dtype;
  storage.data = reinterpret_cast<const std::byte*>(bytes->data());
  storage.size = id.size;
  storage.owner = bytes;
  return storage;
}

void read_as_pickle(
    std::string_view bytes,
    bool torch_script,
    coppice::archive::ForeignNames foreign) {
  using namespace coppice;
  try {
    archive::PickleContext context;
    context.where = "input";
    context.torch_script = torch_script;
    context.foreign = foreign;
    context.load_storage = storage_of;
    const auto pickle = archive::read_pickle(bytes, context);
    io::TensorNames names("input", bytes.size());
    names.add(pickle.value, "");
    coppice::Checkpoint checkpoint;
    names.give_to(checkpoint);
    coppice::fuzz::touch(checkpoint);
  } catch (const coppice::FileError&) {
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  using coppice::archive::ForeignNames;
  read_as_pickle(bytes, false, ForeignNames::Refused);
  read_as_pickle(bytes, true, ForeignNames::Refused);
  read_as_pickle(bytes, false, ForeignNames::Inert);
  try {
    coppice::fuzz::touch(coppice::io::read_legacy_torch_save(
        coppice::fuzz::memory_file(data, size)));
  } catch (const coppice::FileError&) {
  }
  return 0;
}
