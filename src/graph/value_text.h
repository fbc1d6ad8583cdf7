#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <string>

/// Values and types in the words of messages: no C++ name, no mangled one.
namespace coppice::graph {

/// "float32"
std::string dtype_text(c10::ScalarType type);

/// "float32 [1, 784]", "3", "a dictionary of x: float32 [1, 784]"
std::string value_text(const c10::IValue& value);

/// What a type takes: "a tensor", "an integer",
/// "a dictionary (Dict[str, Tensor])".
std::string type_text(const c10::Type& type);

/// `text` in which the names that TorchScript gives to classes are those of
/// their source: "__torch__.net.___torch_mangle_3.Net" -> "Net".
std::string without_mangled_names(const std::string& text);

} // namespace coppice::graph
