#pragma once

#include <string>

#include "coppice/oneshot/recipe.h"

namespace coppice::cli {

/// Reads a recipe in YAML or JSON (a subset of YAML).
///
/// Errors: InputError if the file cannot be read or holds no recipe.
Recipe read_recipe(const std::string& path);

} // namespace coppice::cli
