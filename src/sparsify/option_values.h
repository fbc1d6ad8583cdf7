#pragma once

#include <ATen/core/ivalue.h>

#include <string>

/// Options as the types that they must have.
namespace coppice {

/// Errors: c10::ValueError, which names the option, if `value` is no number.
double to_number(const std::string& name, const c10::IValue& value);

/// Errors: c10::ValueError, which names the option, if `value` is no whole
///   number.
int64_t to_integer(const std::string& name, const c10::IValue& value);

} // namespace coppice
