#pragma once

#include <c10/util/Exception.h>

#include <map>
#include <string>
#include <utility>

#include "coppice/core/values.h"
#include "io/torch_file.h"

/// Common to all files of sparsifier states.
namespace coppice::sparsify {

/// The entry of a state's dictionary.
///
/// Errors: c10::ValueError if there is none.
const PickleValue& entry_of(const PickleValue& value, const char* key);

/// The entry "state": the values saved for each tensor, by name.
std::map<std::string, Values> states_of(const PickleValue& value);

/// Runs `convert` on the file's value; its errors name the file.
///
/// Errors: FileError.
template <class Convert>
auto converted(const std::string& path, Convert convert) {
  const auto file = read_torch_file(path);
  try {
    return convert(file.value);
  } catch (const c10::Error& error) {
    throw FileError(
        path + ": is not the state of a sparsifier: " +
        error.what_without_backtrace() + ".");
  }
}

/// Calls `take(name, value)` for the entries of a dictionary.
///
/// Errors: c10::ValueError if `value` is not a dictionary with names as keys.
template <class Take>
void for_each_entry(const PickleValue& value, Take take) {
  const auto* dict = value.get_if<PickleDict>();
  TORCH_CHECK_VALUE(
      dict, "expected a dictionary, got ", std::string(value.kind_name()));
  for (const std::pair<PickleValue, PickleValue>& item : dict->items) {
    const auto* name = item.first.get_if<std::string>();
    TORCH_CHECK_VALUE(name, "expected names as keys of a dictionary");
    take(*name, item.second);
  }
}

} // namespace coppice::sparsify
