#pragma once

#include <optional>

#include "masks/cpu.h"

namespace coppice::masks::cpu {

/// The mask that drops the `drop` blocks of lowest score whole, reading the
/// weight once and writing the mask at most once: a sample brackets the cut
/// before the pass, which settles every block outside the bracket and takes
/// those inside aside, some in a hundred.
///
/// Nothing if this way does not lead there, and another must be taken: for few
/// blocks, blocks that are not pieces of one row, and a bracket that missed.
/// The result is undefined if a value is not finite.
std::optional<Checked> mask_in_one_pass(
    const torch::Tensor& matrix,
    const Grid& grid,
    int64_t drop,
    kernels::Measure measure,
    const BeforeScoring& before_scoring,
    const Earlier& earlier);

} // namespace coppice::masks::cpu
