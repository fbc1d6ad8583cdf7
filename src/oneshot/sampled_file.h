#pragma once

#include <torch/types.h>

#include <map>
#include <string>

#include "coppice/oneshot/prune_checkpoint.h"
#include "oneshot/plan.h"

namespace coppice::oneshot {

/// What the table says of a tensor before anything is known of its zeros.
PrunedTensor row_of(const StoredTensor& tensor, const TensorPlan& plan);

/// Writes a copy of a checkpoint of one file with other values of some tensors,
/// by their places in the checkpoint; all else is byte-identical.
///
/// Errors: OutputError.
void write_changed(
    const Checkpoint& input,
    const std::map<size_t, torch::Tensor>& changed,
    const std::string& path);

} // namespace coppice::oneshot
