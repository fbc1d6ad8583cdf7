#include "archive/pickle_writer.h"

#include <fmt/format.h>

#include <map>
#include <stdexcept>
#include <tuple>

#include "archive/pickle_classes.h"
#include "archive/pickle_output.h"
#include "archive/pickle_tree.h"
#include "archive/written_storage.h"

namespace coppice::archive {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument(what);
}

class PickleWriter : private PickleOutput {
 public:
  WrittenPickle write(const PickleValue& value) {
    const auto tree = check_tree(value); // Bounds the recursion below.
    if (!tree.problem.empty()) {
      refuse(std::string(tree.problem));
    }
    put("\x80\x02");
    put_value(value);
    put(".");
    result_.bytes = take();
    return std::move(result_);
  }

 private:
  template <class Items>
  void put_items(const Items& items) {
    put("(");
    for (const auto& item : items) {
      put_value(item);
    }
  }

  void put_set(const PickleSet& set) {
    put_class(set.frozen ? "__builtin__\nfrozenset" : "__builtin__\nset");
    put("]");
    put_items(set.items);
    put("e\x85R");
  }

  void put_dict(const PickleDict& dict, const void* identity) {
    if (dict.kind == PickleDict::Kind::Plain) {
      put("}");
    } else if (dict.kind == PickleDict::Kind::Ordered) {
      put_class("collections\nOrderedDict");
      put(")R");
    } else {
      put_class("collections\ndefaultdict");
      put_factory(dict.factory);
    }
    remember(identity);
    put("(");
    for (const auto& [key, item] : dict.items) {
      put_value(key);
      put_value(item);
    }
    put("u");
    if (!dict.attributes.empty()) {
      put("}(");
      for (const auto& [name, item] : dict.attributes) {
        put_text(name);
        put_value(item);
      }
      put("ub");
    }
  }

  void put_factory(const std::string& factory) {
    if (factory.empty()) {
      put(")R");
      return;
    }
    put_named_class(factory);
    put("\x85R");
  }

  /// A class by its dotted name. Errors: std::invalid_argument if not on the
  /// allowlist.
  void put_named_class(const std::string& name) {
    const auto dot = name.rfind('.');
    const PickleClass type{
        name.substr(0, dot == std::string::npos ? 0 : dot),
        name.substr(dot == std::string::npos ? 0 : dot + 1)};
    put_class_value(type);
  }

  void put_class_value(const PickleClass& type) {
    if (!constructor_of(type, false)) {
      refuse(fmt::format(
          "names the class {}.{}, which a checkpoint may not contain",
          type.module,
          type.name));
    }
    const bool old = type.module == "builtins"; // Its name in protocol 2.
    put_class((old ? "__builtin__" : type.module) + "\n" + type.name);
  }

  void put_device(const PickleDevice& device) {
    const auto colon = device.text.find(':');
    put_class("torch\ndevice");
    put_text(device.text.substr(0, colon));
    if (colon == std::string::npos) {
      put("\x85R");
      return;
    }
    put_integer(std::strtoll(device.text.c_str() + colon + 1, nullptr, 10));
    put("\x86R");
  }

  void put_dtype(const PickleDtype& dtype) {
    constexpr std::string_view kTorch = "torch.";
    if (dtype.name.rfind(kTorch, 0) != 0 ||
        !dtype_of_torch_name(dtype.name.substr(kTorch.size()))) {
      refuse(fmt::format("holds the dtype {}, which torch lacks", dtype.name));
    }
    put_class("torch\n" + dtype.name.substr(kTorch.size()));
  }

  void put_storage(const PickleStorage& storage) {
    // Storages are identified by their bytes and dtype.
    const auto identity = std::tuple(storage.data, storage.size, storage.dtype);
    auto [known, is_new] = storages_.emplace(identity, result_.storages.size());
    if (is_new || storage.size == 0) {
      known->second = result_.storages.size();
      result_.storages.push_back(storage);
    }
    const auto name = storage_name_of_dtype(storage.dtype);
    const uint64_t width = name.empty() ? 1 : width_of(storage.dtype);
    put("(");
    put_text("storage");
    put_class(
        name.empty() ? std::string("torch.storage\nUntypedStorage")
                     : fmt::format("torch\n{}", name));
    put_text(std::to_string(known->second));
    put_text("cpu");
    put_integer(static_cast<int64_t>(storage.size / width));
    put("tQ");
  }

  void put_tensor(const PickleTensor& given) {
    const StoredTensor& tensor = given.tensor;
    const PickleStorage storage = written_storage(given);
    const uint64_t offset = storage.size == 0
        ? 0
        : static_cast<uint64_t>(tensor.data - storage.data);
    // Dtypes without a storage class are views of bytes.
    const bool is_untyped = storage_name_of_dtype(tensor.dtype).empty();
    if (given.is_parameter) {
      put_class("torch._utils\n_rebuild_parameter");
    }
    put_class(
        is_untyped ? "torch._utils\n_rebuild_tensor_v3"
                   : "torch._utils\n_rebuild_tensor_v2");
    put("(");
    put_storage(storage);
    put_integer(static_cast<int64_t>(offset / width_of(tensor.dtype)));
    put_sizes(tensor.shape);
    put_sizes(tensor.strides);
    put_bool(given.requires_grad && !given.is_parameter);
    put_hooks();
    if (is_untyped) {
      put_dtype({fmt::format("torch.{}", torch_name_of_dtype(tensor.dtype))});
    }
    put("tR");
    if (given.is_parameter) {
      put_bool(given.requires_grad);
      put_hooks();
      put("\x87R");
    }
  }

  void put_hooks() {
    put_class("collections\nOrderedDict");
    put(")R");
  }

  void put_sparse(const PickleSparseTensor& sparse) {
    put_class("torch._utils\n_rebuild_sparse_tensor");
    put_class("torch.serialization\n_get_layout");
    put_text("torch.sparse_coo");
    put("\x85R");
    put_tensor(sparse.indices);
    put_tensor(sparse.values);
    put_size({sparse.size});
    put("\x87\x86R");
  }

  void put_size(const PickleSize& size) {
    put_class("torch\nSize");
    put_sizes(size.sizes);
    put("\x85R");
  }

  /// Writes values without identity; false if `value` has one.
  bool put_scalar(const PickleValue& value) {
    if (value.is_none()) {
      put("N");
    } else if (const auto* truth = value.get_if<bool>()) {
      put_bool(*truth);
    } else if (const auto* number = value.get_if<int64_t>()) {
      put_integer(*number);
    } else if (const auto* real = value.get_if<double>()) {
      put_float(*real);
    } else if (const auto* complex = value.get_if<std::complex<double>>()) {
      put_class("__builtin__\ncomplex");
      put_float(complex->real());
      put_float(complex->imag());
      put("\x86R");
    } else if (const auto* big = value.get_if<PickleBigInt>()) {
      put_big_integer(big->bytes);
    } else if (const auto* text = value.get_if<std::string>()) {
      put_text(*text);
    } else if (const auto* scalar = value.get_if<PickleNumpyScalar>()) {
      put_value(scalar->value);
    } else if (const auto* dtype = value.get_if<PickleDtype>()) {
      put_dtype(*dtype);
    } else if (const auto* device = value.get_if<PickleDevice>()) {
      put_device(*device);
    } else if (const auto* size = value.get_if<PickleSize>()) {
      put_size(*size);
    } else if (const auto* type = value.get_if<PickleClass>()) {
      put_class_value(*type);
    } else {
      return false;
    }
    return true;
  }

  void put_value(const PickleValue& value) {
    const void* const identity = value.identity();
    if (put_scalar(value) || recall(identity)) {
      return;
    }
    if (const auto* dict = value.get_if<PickleDict>()) {
      put_dict(*dict, identity);
      return;
    }
    if (const auto* list = value.get_if<PickleList>()) {
      put("]");
      put_items(list->items);
      put("e");
    } else if (const auto* tuple = value.get_if<PickleTuple>()) {
      put_items(tuple->items);
      put("t");
    } else if (const auto* set = value.get_if<PickleSet>()) {
      put_set(*set);
    } else if (const auto* bytes = value.get_if<PickleBytes>()) {
      put_bytes(*bytes);
    } else if (const auto* tensor = value.get_if<PickleTensor>()) {
      put_tensor(*tensor);
    } else if (const auto* sparse = value.get_if<PickleSparseTensor>()) {
      put_sparse(*sparse);
    } else if (const auto* storage = value.get_if<PickleStorage>()) {
      put_storage(*storage);
    } else {
      refuse(
          fmt::format("holds {}, which cannot be written", value.kind_name()));
    }
    remember(identity);
  }

  WrittenPickle result_;
  std::map<std::tuple<const std::byte*, uint64_t, Dtype>, size_t> storages_;
};

} // namespace

WrittenPickle write_pickle(const PickleValue& value) {
  return PickleWriter().write(value);
}

} // namespace coppice::archive
