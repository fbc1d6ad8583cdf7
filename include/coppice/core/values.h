#pragma once

#include <ATen/core/ivalue.h>

#include <map>
#include <string>

#include "coppice/export.h"

namespace coppice {

/// Values by name, as in a Python dictionary: the options of a tensor, the
/// state of a scheduler. Ordered by name.
using Values = std::map<std::string, c10::IValue>;

/// `value` as Python prints it: `0.5`, `(1, 4)`, `True`, `None`, `[0.1, 0.2]`.
/// Tensors are described by dtype and shape.
COPPICE_API std::string to_python_string(const c10::IValue& value);

/// Whether both are equal: tensors by dtype and elements, the rest by value.
COPPICE_API bool same_value(const c10::IValue& a, const c10::IValue& b);

} // namespace coppice
