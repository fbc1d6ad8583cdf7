#pragma once

#include <vector>

#include "compile/layer_choice.h"
#include "coppice/compile/compile.h"

namespace coppice::compiling {

/// Makes ops with the same weight and format share the packed weight.
void share_packed_weights(
    const std::vector<WeightOp>& ops,
    std::vector<LayerChoice>& choices);

/// The rows of the table in model order: one for each of `ops`, and one for
/// each other layer. Calls of a layer are numbered. The bytes of a weight or
/// packed weight count in its first row.
std::vector<CompiledLayer> layer_rows(
    const std::vector<WeightOp>& ops,
    const std::vector<LayerChoice>& choices,
    const std::vector<LeftLayer>& left);

} // namespace coppice::compiling
