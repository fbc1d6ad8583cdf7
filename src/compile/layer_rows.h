#pragma once

#include <vector>

#include "compile/layer_choice.h"
#include "coppice/compile/compile.h"

namespace coppice::compiling {

/// Ops of one weight that take it in the same format share its packed form.
void share_packed_weights(
    const std::vector<WeightOp>& ops,
    std::vector<LayerChoice>& choices);

/// A row for each of the `ops`, as it was chosen, and for each layer that is
/// none of them, in the order of the model. Calls of one layer are numbered,
/// and bytes of a weight, or of its packed form, count in the first row that
/// has it.
std::vector<CompiledLayer> layer_rows(
    const std::vector<WeightOp>& ops,
    const std::vector<LayerChoice>& choices,
    const std::vector<LeftLayer>& left);

} // namespace coppice::compiling
