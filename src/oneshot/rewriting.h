#pragma once

#include <string>
#include <vector>

#include "oneshot/pruned_tensor.h"
#include "oneshot/selection.h"

namespace coppice::oneshot {

/// The third step: writes a copy of the checkpoint in which the values that
/// `selection` drops are +0. `output` is a file, or a folder for shards; null
/// computes everything but writes nothing. Returns the zeros of each pruned
/// tensor of the plan.
///
/// Errors: c10::ValueError if a weight holds NaN or infinity; OutputError if
///   the output cannot be written.
std::vector<ZeroCounts> rewrite_checkpoint(
    CheckpointSelection selection,
    const std::string* output,
    const Advance& advance);

} // namespace coppice::oneshot
