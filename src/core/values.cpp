#include "coppice/core/values.h"

#include <ATen/Functions.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

namespace coppice {
namespace {

/// The shortest text that parses to the same number, in Python's format: `0.5`,
/// `1.0`, `1e-05`.
std::string double_to_string(double value) {
  std::string text = fmt::format("{}", value);
  const bool is_plain_integer =
      text.find_first_not_of("-0123456789") == std::string::npos;
  return is_plain_integer ? text + ".0" : text;
}

template <typename Range>
std::string join_python(const Range& values) {
  std::string joined;
  for (const c10::IValue& value : values) {
    joined += (joined.empty() ? "" : ", ") + to_python_string(value);
  }
  return joined;
}

std::string tensor_to_string(const at::Tensor& tensor) {
  if (!tensor.defined()) {
    return "None";
  }
  std::ostringstream text;
  text << "tensor(" << tensor.scalar_type() << ' ' << tensor.sizes() << ')';
  return text.str();
}

bool equal_tensors(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() || !b.defined()) {
    return a.defined() == b.defined();
  }
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
      a.equal(b.to(a.device()));
}

template <typename Range>
bool equal_ranges(const Range& a, const Range& b) {
  return a.size() == b.size() &&
      std::equal(
             a.begin(),
             a.end(),
             b.begin(),
             [](const c10::IValue& x, const c10::IValue& y) {
               return same_value(x, y);
             });
}

} // namespace

std::string to_python_string(const c10::IValue& value) {
  if (value.isNone()) {
    return "None";
  }
  if (value.isBool()) {
    return value.toBool() ? "True" : "False";
  }
  if (value.isInt()) {
    return std::to_string(value.toInt());
  }
  if (value.isDouble()) {
    return double_to_string(value.toDouble());
  }
  if (value.isString()) {
    return value.toStringRef();
  }
  if (value.isTuple()) {
    const auto& elements = value.toTupleRef().elements();
    return "(" + join_python(elements) + (elements.size() == 1 ? ",)" : ")");
  }
  if (value.isList()) {
    return "[" + join_python(value.toList().vec()) + "]";
  }
  if (value.isTensor()) {
    return tensor_to_string(value.toTensor());
  }
  return value.tagKind();
}

bool same_value(const c10::IValue& a, const c10::IValue& b) {
  if (a.isTensor() && b.isTensor()) {
    return equal_tensors(a.toTensor(), b.toTensor());
  }
  if (a.isList() && b.isList()) {
    return equal_ranges(a.toList().vec(), b.toList().vec());
  }
  return a.tagKind() == b.tagKind() && a == b;
}

} // namespace coppice
