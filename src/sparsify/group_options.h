#pragma once

#include <c10/util/Exception.h>

#include <algorithm>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "coppice/core/values.h"
#include "coppice/sparsify/sparsifier_options.h"
#include "core/fqn.h"

/// What all sparsifiers share in handling groups and their options.
namespace coppice::sparsify {

/// The reference's key of a mask among the values saved for a tensor.
inline constexpr const char* kMask = "mask";

/// The entry called `name`, or null. `name_of` is the member of an entry that
/// is, or returns, its name.
template <typename Entries, typename NameOf>
auto find_named(Entries& entries, const std::string& name, NameOf name_of) {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
        return std::invoke(name_of, entry) == name;
      });
  return found == entries.end() ? nullptr : &*found;
}

/// The name in `entries` nearest to `name`. `entries` must not be empty.
template <typename Entries, typename NameOf>
std::string
nearest_named(const Entries& entries, const std::string& name, NameOf name_of) {
  std::vector<std::string> names;
  for (const auto& entry : entries) {
    names.push_back(std::invoke(name_of, entry));
  }
  return nearest_name(name, names);
}

/// Prints a group as the reference does: a heading, and one line per value.
void print_group(
    std::ostream& stream,
    const std::string& heading,
    const Values& values);

/// Options with the defaults of their sparsifier filled in.
using Describe = std::function<Values(const SparsifierOptions&)>;

/// Runs `work`; errors get the name of the tensor as context.
template <typename Work>
auto with_tensor(const char* doing, const std::string& name, Work work) {
  try {
    return work();
  } catch (c10::Error& error) {
    error.add_context(c10::str("while ", doing, " `", name, "`"));
    throw;
  }
}

/// Errors: c10::ValueError, which names the option, if `value` is not a number.
double to_number(const std::string& name, const c10::IValue& value);

/// Errors: c10::ValueError, which names the option, if `value` is not an
///   integer.
int64_t to_integer(const std::string& name, const c10::IValue& value);

/// Errors: c10::ValueError, which names the option, if `value` is no truth
///   value.
bool to_flag(const std::string& name, const c10::IValue& value);

/// Errors: c10::ValueError unless `level` is a fraction in [0, 1].
void check_sparsity_level(double level);

/// The same for the level of `described` options, if they have one.
void check_described_level(const Values& described);

/// The level in the `described` options of the tensor `name`.
///
/// Errors: c10::ValueError if there is none: the sparsifier class, named
///   `sparsifier`, cannot be scheduled.
double described_level(
    const Values& described,
    const std::string& name,
    const std::string& sparsifier);

/// The options that `describe` made `described` from. Defaults that were saved
/// stay defaults, so that zeros_per_block still follows the block shape.
SparsifierOptions options_of_described(
    const Values& described,
    const Describe& describe);

} // namespace coppice::sparsify
