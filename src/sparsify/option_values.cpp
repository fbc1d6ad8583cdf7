#include "sparsify/option_values.h"

#include <c10/util/Exception.h>

#include "coppice/core/values.h"

namespace coppice {

double to_number(const std::string& name, const c10::IValue& value) {
  TORCH_CHECK_VALUE(
      value.isDouble() || value.isInt(),
      "option `",
      name,
      "`: expected a number, got ",
      to_python_string(value));
  return value.isInt() ? static_cast<double>(value.toInt()) : value.toDouble();
}

int64_t to_integer(const std::string& name, const c10::IValue& value) {
  TORCH_CHECK_VALUE(
      value.isInt(),
      "option `",
      name,
      "`: expected a whole number, got ",
      to_python_string(value));
  return value.toInt();
}

} // namespace coppice
