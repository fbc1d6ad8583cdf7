#pragma once

#include <optional>

#include "masks/cpu.h"

namespace coppice::masks::cpu {

/// The mask that drops the `drop` blocks of lowest score whole. Reads the
/// weight once and writes the mask at most once: a sample brackets the cut, one
/// pass decides every block outside the bracket, and those inside, about one in
/// a hundred, are decided after it.
///
/// Returns nullopt where this does not apply: few blocks, blocks that are not
/// pieces of one row, a bracket that missed the cut. The result is undefined if
/// a value is not finite.
std::optional<Checked> mask_in_one_pass(
    const torch::Tensor& matrix,
    const Grid& grid,
    int64_t drop,
    kernels::Measure measure,
    const MaskedWeight* masked = nullptr);

} // namespace coppice::masks::cpu
