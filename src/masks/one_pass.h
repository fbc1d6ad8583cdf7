#pragma once

#include <optional>

#include "masks/cpu.h"

namespace coppice::masks::cpu {

/// The mask that drops the `drop` blocks of lowest score whole, reading the
/// weight once and writing the mask at most once: a sample brackets the cut,
/// and one pass decides every block outside the bracket and notes those inside,
/// about one in a hundred, which are decided after it.
///
/// Nothing where it does not work: for few blocks, blocks that are not pieces
/// of one row, and a bracket that missed the cut. The result is undefined if a
/// value is not finite.
std::optional<Checked> mask_in_one_pass(
    const torch::Tensor& matrix,
    const Grid& grid,
    int64_t drop,
    kernels::Measure measure,
    const MaskedWeight* masked = nullptr);

} // namespace coppice::masks::cpu
