#include "graph/value_text.h"

#include <ATen/ATen.h>

#include <regex>
#include <vector>

#include "coppice/core/values.h"

namespace coppice::graph {
namespace {

std::string tensor_text(const torch::Tensor& tensor) {
  return tensor.defined()
      ? c10::str(dtype_text(tensor.scalar_type()), " ", tensor.sizes())
      : "no tensor";
}

template <typename Values>
std::string joined(const Values& values) {
  std::vector<std::string> all;
  for (const auto& each : values) {
    all.push_back(value_text(each));
  }
  return all.empty() ? "nothing" : c10::Join(", ", all);
}

std::string dict_text(const c10::IValue& value) {
  std::vector<std::string> all;
  for (const auto& entry : value.toGenericDict()) {
    all.push_back(
        to_python_string(entry.key()) + ": " + value_text(entry.value()));
  }
  return all.empty() ? "an empty dictionary"
                     : "a dictionary of " + c10::Join(", ", all);
}

} // namespace

std::string dtype_text(c10::ScalarType type) {
  switch (type) { // Others keep LibTorch's name.
    case c10::ScalarType::Byte:
      return "uint8";
    case c10::ScalarType::Char:
      return "int8";
    case c10::ScalarType::Short:
      return "int16";
    case c10::ScalarType::Int:
      return "int32";
    case c10::ScalarType::Long:
      return "int64";
    case c10::ScalarType::Half:
      return "float16";
    case c10::ScalarType::Float:
      return "float32";
    case c10::ScalarType::Double:
      return "float64";
    case c10::ScalarType::ComplexFloat:
      return "complex64";
    case c10::ScalarType::ComplexDouble:
      return "complex128";
    case c10::ScalarType::Bool:
      return "bool";
    case c10::ScalarType::BFloat16:
      return "bfloat16";
    default:
      return c10::toString(type);
  }
}

std::string value_text(const c10::IValue& value) {
  if (value.isTensor()) {
    return tensor_text(value.toTensor());
  }
  if (value.isTuple()) {
    return "a tuple of " + joined(value.toTupleRef().elements());
  }
  if (value.isList()) {
    return "a list of " + joined(value.toList().vec());
  }
  if (value.isGenericDict()) {
    return dict_text(value);
  }
  if (value.isString()) {
    return "the string `" + value.toStringRef() + "`";
  }
  return value.isObject() ? "an object" : to_python_string(value);
}

std::string type_text(const c10::Type& type) {
  const auto with_name = [&](const char* what) {
    return c10::str(what, " (", without_mangled_names(type.repr_str()), ")");
  };
  if (const auto* optional = type.castRaw<c10::OptionalType>()) {
    return type_text(*optional->getElementType()) + " or none";
  }
  if (type.castRaw<c10::DictType>()) {
    return with_name("a dictionary");
  }
  if (type.castRaw<c10::ListType>()) {
    return with_name("a list");
  }
  if (type.castRaw<c10::TupleType>()) {
    return with_name("a tuple");
  }
  if (type.isSubtypeOf(*c10::TensorType::get())) {
    return "a tensor";
  }
  if (type.isSubtypeOf(*c10::IntType::get())) {
    return "an integer";
  }
  if (type.isSubtypeOf(*c10::BoolType::get())) {
    return "a bool";
  }
  if (type.isSubtypeOf(*c10::NumberType::get())) {
    return "a number";
  }
  if (type.isSubtypeOf(*c10::StringType::get())) {
    return "a string";
  }
  return with_name("an object");
}

std::string without_mangled_names(const std::string& text) {
  static const std::regex name(R"(__torch__\.(?:\w+\.)*(\w+))");
  return std::regex_replace(text, name, "$1");
}

} // namespace coppice::graph
