#pragma once

#include <c10/util/Exception.h>

#include <functional>
#include <string>

#include "coppice/core/values.h"
#include "coppice/sparsify/sparsifier_options.h"

/// What sparsifiers of weights and of data do alike with the options of their
/// groups.
namespace coppice {

/// Options with the defaults of their sparsifier filled in.
using Describe = std::function<Values(const SparsifierOptions&)>;

/// Runs `work` and says, if it fails, which tensor it failed for.
template <typename Work>
auto with_tensor(const char* doing, const std::string& name, Work work) {
  try {
    return work();
  } catch (c10::Error& error) {
    error.add_context(c10::str("while ", doing, " `", name, "`"));
    throw;
  }
}

/// Errors: c10::ValueError unless `level` is a fraction in [0, 1].
void check_sparsity_level(double level);

/// The same for the level of `described` options, if they have one.
void check_described_level(const Values& described);

/// The level of `described` options of the tensor `name`.
///
/// Errors: c10::ValueError if they have none; `sparsifier` is the name of the
///   class that cannot be driven by a scheduler then.
double described_level(
    const Values& described,
    const std::string& name,
    const std::string& sparsifier);

/// The options that `described` options came from: a default that was saved
/// stays a default, so that a zeros_per_block that follows the block shape goes
/// on following it.
SparsifierOptions options_of_described(
    const Values& described,
    const Describe& describe);

} // namespace coppice
