#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "coppice/archive/stored_tensor.h"

/// The values in a pickle of a checkpoint, as plain data.
namespace coppice {

class PickleValue;

/// An integer of more than 64 bits.
struct PickleBigInt {
  std::string bytes; ///< Two's complement, little-endian.
};

struct PickleBytes {
  std::string bytes;
  bool is_array = false; ///< A `bytearray`.
};

struct PickleList {
  std::vector<PickleValue> items;
};

struct PickleTuple {
  std::vector<PickleValue> items;
};

struct PickleSet {
  std::vector<PickleValue> items;
  bool frozen = false;
};

/// A dictionary in file order. One that was read has unique keys.
struct PickleDict {
  enum class Kind { Plain, Ordered, Default };

  Kind kind = Kind::Plain;
  std::vector<std::pair<PickleValue, PickleValue>> items;
  std::string factory; ///< Of a `defaultdict`: "builtins.dict"; may be empty.
  /// Attributes of an `OrderedDict`, such as `_metadata`.
  std::vector<std::pair<std::string, PickleValue>> attributes;

  /// The value of a key, null if there is none.
  const PickleValue* find(std::string_view key) const;
  /// Sets the value of a key; a new key is added at the end.
  void set(std::string_view key, PickleValue value);
};

/// `torch.Size`
struct PickleSize {
  std::vector<int64_t> sizes;
};

/// `torch.device`, "cuda:0"
struct PickleDevice {
  std::string text;
};

/// A dtype by its name: "torch.float32", or NumPy's "<f8".
struct PickleDtype {
  std::string name;
};

/// The bytes that tensors are views of.
struct PickleStorage {
  Dtype dtype = Dtype::U8;
  const std::byte* data = nullptr; ///< Null only if `size` is zero.
  uint64_t size = 0;               ///< In bytes.
  std::shared_ptr<const void> owner;
  std::string fixed_because; ///< As in StoredTensor.
};

/// A tensor or `torch.nn.Parameter`.
struct PickleTensor {
  StoredTensor tensor; ///< Its name is empty.
  /// What the tensor is a view of. Tensors that share a storage share it in a
  /// written file too; without a storage, a tensor is written with its own.
  PickleStorage storage;
  bool requires_grad = false;
  bool is_parameter = false;
};

/// A sparse tensor in coordinate format.
struct PickleSparseTensor {
  PickleTensor indices; ///< Of int64, one row a dimension.
  PickleTensor values;
  std::vector<int64_t> size;
};

/// The name of a class or function. It has no effect.
struct PickleClass {
  std::string module;
  std::string name;
  bool is_foreign = false; ///< Not on the allowlist.
};

/// An object of a TorchScript archive and its attributes.
struct PickleObject {
  PickleClass type;
  std::shared_ptr<PickleValue> state; ///< A dictionary; null before it is set.
};

/// A NumPy scalar. It is written as a plain number.
struct PickleNumpyScalar;

/// An object that only Python can make.
struct PickleInert;

/// A value. Copies share their content, as in Python. A value must not contain
/// itself.
class PickleValue {
 public:
  PickleValue() = default; ///< None
  PickleValue(bool value) : value_(value) {}
  PickleValue(int value) : value_(int64_t(value)) {}
  PickleValue(int64_t value) : value_(value) {}
  PickleValue(double value) : value_(value) {}
  PickleValue(std::complex<double> value) : value_(value) {}
  PickleValue(const char* text) : PickleValue(std::string(text)) {}
  PickleValue(std::string_view text) : PickleValue(std::string(text)) {}
  /// Any of the types above, or a string.
  template <
      class T,
      class = std::enable_if_t<std::is_class_v<T>>,
      class = decltype(std::shared_ptr<T>())>
  PickleValue(T value) : value_(std::make_shared<T>(std::move(value))) {}

  bool is_none() const {
    return value_.index() == 0;
  }

  /// The content if it is a T, else null: bool, int64_t, double,
  /// std::complex<double>, std::string or one of the structs above.
  template <class T>
  const T* get_if() const {
    if constexpr (is_inline<T>) {
      return std::get_if<T>(&value_);
    } else {
      const auto* node = std::get_if<std::shared_ptr<T>>(&value_);
      return node ? node->get() : nullptr;
    }
  }

  /// The same, mutable. The change is visible in all copies.
  template <class T>
  T* edit_if() {
    return const_cast<T*>(get_if<T>());
  }

  /// Equal for values that share their content; null for numbers.
  const void* identity() const;

  /// "a list", "a tensor", ... for messages.
  std::string_view kind_name() const;

 private:
  template <class T>
  static constexpr bool is_inline =
      std::is_arithmetic_v<T> || std::is_same_v<T, std::complex<double>>;

  std::variant<
      std::monostate,
      bool,
      int64_t,
      double,
      std::complex<double>,
      std::shared_ptr<PickleBigInt>,
      std::shared_ptr<std::string>,
      std::shared_ptr<PickleBytes>,
      std::shared_ptr<PickleList>,
      std::shared_ptr<PickleTuple>,
      std::shared_ptr<PickleSet>,
      std::shared_ptr<PickleDict>,
      std::shared_ptr<PickleSize>,
      std::shared_ptr<PickleDevice>,
      std::shared_ptr<PickleDtype>,
      std::shared_ptr<PickleStorage>,
      std::shared_ptr<PickleTensor>,
      std::shared_ptr<PickleSparseTensor>,
      std::shared_ptr<PickleClass>,
      std::shared_ptr<PickleObject>,
      std::shared_ptr<PickleNumpyScalar>,
      std::shared_ptr<PickleInert>>
      value_;
};

struct PickleNumpyScalar {
  PickleValue value; ///< A number, else the raw bytes.
  std::string dtype; ///< "f8"
};

/// The result of calling a foreign class or function: nothing is called, but
/// everything passed to it is here. Unlike other values, it may contain itself.
struct PickleInert {
  PickleValue maker;               ///< A PickleClass or PickleInert.
  PickleValue arguments;           ///< A tuple.
  PickleValue keywords;            ///< A dictionary; mostly None.
  std::vector<PickleValue> states; ///< Arguments of `__setstate__`; mostly one.
  std::vector<PickleValue> items;  ///< Appended or added.
  std::vector<std::pair<PickleValue, PickleValue>> entries; ///< Set by key.
};

} // namespace coppice
