#pragma once

#include <string>
#include <vector>

#include "oneshot/pruned_tensor.h"
#include "oneshot/selection.h"

namespace coppice::oneshot {

/// The third step: writes a copy of the plan's checkpoint in which what
/// `selection` drops is +0. `output` is a file, or a folder for shards; null
/// writes nothing but does all the other work. Returns the zeros of each of the
/// plan's tensors that is pruned.
///
/// Errors: c10::ValueError if a weight holds NaN or infinity; OutputError if
///   the output cannot be written.
std::vector<ZeroCounts> rewrite_checkpoint(
    CheckpointSelection selection,
    const std::string* output,
    const Advance& advance);

} // namespace coppice::oneshot
