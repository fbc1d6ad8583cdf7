#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <string>

/// Texts of values and types for messages, without C++ and mangled names.
namespace coppice::graph {

/// "float32"
std::string dtype_text(c10::ScalarType type);

/// "float32 [1, 784]", "3", "a dictionary of x: float32 [1, 784]"
std::string value_text(const c10::IValue& value);

/// Values that a type accepts: "a tensor", "an integer", "a dictionary
/// (Dict[str, Tensor])".
std::string type_text(const c10::Type& type);

/// Replaces TorchScript's mangled class names by those of the source:
/// "__torch__.net.___torch_mangle_3.Net" -> "Net".
std::string without_mangled_names(const std::string& text);

} // namespace coppice::graph
