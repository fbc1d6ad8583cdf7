#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coppice {

/// A tensor FQN split at its last dot. `weight` alone belongs to the root
/// module, whose FQN is empty.
struct SplitFqn {
  std::string module_fqn;
  std::string tensor_name;
};

/// Source: `get_arg_info_from_tensor_fqn` of the reference.
SplitFqn split_fqn(std::string_view tensor_fqn);

/// `module_fqn` and `name` joined by a dot, or `name` alone for the root.
std::string join_fqn(std::string_view module_fqn, std::string_view name);

/// The names between the dots of an FQN, one or more; empty ones included.
std::vector<std::string> fqn_parts(std::string_view fqn);

/// Whether `name` matches a glob: `*` matches any characters, dots included,
/// `?` one; all others match themselves.
bool matches_glob(std::string_view pattern, std::string_view name);

/// The candidate with the smallest edit distance (insert, delete, replace one
/// character) to `name`; ties take the first. Empty if there are no candidates.
std::string nearest_name(
    std::string_view name,
    const std::vector<std::string>& candidates);

} // namespace coppice
