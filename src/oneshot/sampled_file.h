#pragma once

#include <torch/types.h>

#include <map>
#include <string>

#include "coppice/io/checkpoint.h"

namespace coppice::oneshot {

/// Writes a copy of a checkpoint of one file with new values of some tensors,
/// keyed by index in the checkpoint; all else is byte-identical.
///
/// Errors: OutputError.
void write_changed(
    const Checkpoint& input,
    const std::map<size_t, torch::Tensor>& changed,
    const std::string& path);

} // namespace coppice::oneshot
