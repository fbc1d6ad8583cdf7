#pragma once

#include <string>

#include "coppice/oneshot/recipe.h"

namespace coppice::cli {

/// Reads a recipe, YAML or JSON (which is YAML, too).
///
/// Errors: InputError if the file cannot be read or holds no recipe.
Recipe read_recipe(const std::string& path);

} // namespace coppice::cli
