#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "coppice/oneshot/recipe.h"

namespace coppice::oneshot {

/// Reads one modifier of a recipe: its name and what stands under it.
///
/// Errors: c10::ValueError, one sentence.
PruneModifier modifier_from_json(
    const std::string& name,
    const nlohmann::ordered_json& options);

} // namespace coppice::oneshot
