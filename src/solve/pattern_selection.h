#pragma once

#include <string>

#include "coppice/masks/selection.h"
#include "coppice/masks/weight_norm.h"

namespace coppice::solve {

/// Whether a pattern is N:M: some of the elements of every row of M.
bool is_nm(const WeightNormPattern& pattern);

/// What solvers select by a pattern: N:M, whole blocks or single weights. A
/// level beyond [0, 1] is clamped.
///
/// Errors: c10::ValueError for some of the elements of blocks that are not N:M;
///   `method` leads the sentence.
Selection selection_of(
    const std::string& method,
    const WeightNormPattern& pattern);

} // namespace coppice::solve
