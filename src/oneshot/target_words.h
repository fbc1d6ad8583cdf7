#pragma once

#include <string>

#include "coppice/io/checkpoint.h"
#include "coppice/oneshot/recipe.h"

namespace coppice::oneshot {

/// Whether a target is the name of a class, `Linear` or `Conv2d`.
bool is_class_word(const std::string& word);

/// A word that matches nothing is most often a typing error. Class names may
/// have no layer in one model of many; what is to be ignored may be missing.
///
/// Errors: c10::ValueError for one that is.
void check_words(const PruneModifier& modifier, const StateDict& state);

} // namespace coppice::oneshot
