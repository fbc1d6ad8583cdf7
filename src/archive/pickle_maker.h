#pragma once

#include "archive/byte_reader.h"
#include "archive/pickle_classes.h"
#include "archive/pickle_reader.h"

namespace coppice::archive {

using PickleItems = std::vector<PickleValue>;

/// The items of a list or a tuple, null of all else.
const PickleItems* items_of(const PickleValue& value);

/// Makes values of the classes on the list.
class PickleMaker {
 public:
  PickleMaker(const PickleContext& context, ByteReader& input)
      : context_(context), input_(input), budget_(1024 + 16 * input.size()) {}

  /// The value of a class or dtype of that name.
  PickleValue name(std::string_view module, std::string_view name);
  /// What a class makes of arguments.
  PickleValue make(const PickleValue& type, const PickleItems& arguments);
  /// A new object: the same, or one of TorchScript.
  PickleValue make_object(
      const PickleValue& type,
      const PickleItems& arguments);
  /// Python's `__setstate__`.
  void set_state(PickleValue& value, const PickleValue& state);
  /// What a persistent id stands for.
  PickleValue storage(const PickleValue& id);

  /// Must be asked for every byte that is copied out of a value: an opcode of
  /// two bytes could ask for a copy of megabytes.
  void charge(uint64_t bytes);

  [[noreturn]] void refuse(const PickleClass& type) const;

 private:
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

  /// The argument of that number as a T.
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
  std::string making_; ///< The class at work, for messages.
};

} // namespace coppice::archive
