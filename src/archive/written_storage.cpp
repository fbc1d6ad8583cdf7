#include "archive/written_storage.h"

#include <fmt/format.h>

#include <stdexcept>

#include "archive/pickle_classes.h"
#include "archive/tensor_view.h"

namespace coppice::archive {

uint64_t width_of(Dtype dtype) {
  return static_cast<uint64_t>(dtype_bits(dtype)) / 8;
}

PickleStorage written_storage(const PickleTensor& given) {
  const StoredTensor& tensor = given.tensor;
  const std::string& fixed = tensor.fixed_because;
  if (fixed == "quantized" || fixed == "a lazy conjugate or negation") {
    throw std::invalid_argument(fmt::format(
        "holds a tensor that is {}, which cannot be written", fixed));
  }
  if (torch_name_of_dtype(tensor.dtype).empty()) {
    throw std::invalid_argument(fmt::format(
        "holds a tensor of the dtype {}, which torch lacks",
        dtype_name(tensor.dtype)));
  }
  const auto extent = view_extent(tensor.shape, tensor.strides);
  const uint64_t bytes = extent.value_or(0) * width_of(tensor.dtype);
  PickleStorage storage = given.storage;
  if (!storage.data || bytes == 0) {
    storage.data = tensor.data;
    storage.size = bytes;
    storage.owner = tensor.owner;
  }
  storage.dtype = tensor.dtype;
  const bool fits = extent && tensor.strides.size() == tensor.shape.size() &&
      (bytes == 0 ||
       (tensor.data && tensor.data >= storage.data &&
        tensor.data + bytes <= storage.data + storage.size));
  if (!fits) {
    throw std::invalid_argument(
        "holds a tensor that extends beyond its storage");
  }
  return storage;
}

} // namespace coppice::archive
