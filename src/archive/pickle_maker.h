#pragma once

#include <optional>

#include "archive/byte_reader.h"
#include "archive/pickle_classes.h"
#include "archive/pickle_names.h"
#include "archive/pickle_reader.h"

namespace coppice::archive {

using PickleItems = std::vector<PickleValue>;

/// The items of a list or tuple; null for other types.
const PickleItems* items_of(const PickleValue& value);

/// Constructs values of the classes on the allowlist.
class PickleMaker {
 public:
  PickleMaker(const PickleContext& context, ByteReader& input)
      : context_(context), input_(input), budget_(1024 + 16 * input.size()) {
    if (context.foreign == ForeignNames::Inert) {
      names_.emplace();
    }
  }

  /// Looks up a class or dtype, as Python's `find_class`.
  PickleValue find_class(std::string_view module, std::string_view name);
  /// A class from the registry of extensions; the file has only its code.
  PickleValue extension(uint64_t code);
  /// Calls a class or function with a tuple of arguments.
  PickleValue call(const PickleValue& type, const PickleValue& arguments);
  /// The same for NEWOBJ, which may also make a TorchScript object.
  PickleValue make_object(
      const PickleValue& type,
      const PickleValue& arguments,
      const PickleValue& keywords = {});
  /// Python's `__setstate__`.
  void set_state(PickleValue& value, const PickleValue& state);
  /// The storage of a persistent id.
  PickleValue persistent_load(const PickleValue& id);

  /// Counts bytes copied out of values against a budget: a two-byte opcode
  /// could ask for a copy of megabytes.
  void charge(uint64_t bytes);

  /// Call for each value that is used again.
  void count_use(const PickleValue& value) {
    if (names_ && value.get_if<PickleClass>()) {
      names_->count_use(value);
    }
  }

  bool takes_foreign() const {
    return names_.has_value();
  }
  /// The foreign names found.
  std::vector<PickledCode> take_code() {
    return names_ ? names_->take() : std::vector<PickledCode>();
  }

 private:
  [[noreturn]] void refuse(const PickleClass& type) const;
  PickleValue foreign_name(PickleClass type);
  /// Whether an allowed class can make data from these arguments.
  static bool makes_data(Constructor constructor, const PickleItems& arguments);
  PickleValue make_inert(
      const PickleValue& type,
      const PickleValue& arguments,
      const PickleValue& keywords);
  PickleValue attribute_of_class(const PickleItems& arguments);

  const PickleItems& arguments_in(const PickleValue& tuple) const;
  PickleValue make(Constructor constructor, const PickleItems& arguments);
  PickleValue make_ordered(const PickleItems& arguments);
  PickleValue make_default(const PickleItems& arguments);
  PickleValue make_set(const PickleItems& arguments, bool frozen);
  PickleValue make_complex(const PickleItems& arguments);
  PickleValue make_bytes(const PickleItems& arguments, bool is_array);
  PickleValue make_device(const PickleItems& arguments);
  PickleValue make_tensor(const PickleItems& arguments);
  PickleValue make_tensor_v3(const PickleItems& arguments);
  PickleValue make_quantized(const PickleItems& arguments);
  PickleValue make_sparse(const PickleItems& arguments);
  PickleValue make_parameter(const PickleItems& arguments);
  PickleValue make_from_type(const PickleItems& arguments);
  PickleValue make_numpy_scalar(const PickleItems& arguments);
  PickleValue make_numpy_dtype(const PickleItems& arguments);

  PickleTensor tensor_over(
      const PickleStorage& storage,
      Dtype dtype,
      const PickleItems& arguments);
  std::vector<int64_t> sizes(const PickleValue& value);

  /// Argument `i` as a T.
  template <class T>
  const T& argument(const PickleItems& arguments, size_t i) const {
    const T* found = i < arguments.size() ? arguments[i].get_if<T>() : nullptr;
    if (!found) {
      fail_argument(arguments, i);
    }
    return *found;
  }
  [[noreturn]] void fail_argument(const PickleItems& arguments, size_t i) const;
  [[noreturn]] void fail(const std::string& what) const {
    input_.fail(what);
  }

  const PickleContext& context_;
  ByteReader& input_;
  uint64_t budget_;
  std::optional<PickleNames> names_; ///< If foreign names become inert.
  std::string constructing_;         ///< The current class, for messages.
};

} // namespace coppice::archive
