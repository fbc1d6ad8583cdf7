#pragma once

#include <torch/script.h>

#include <memory>
#include <optional>

#include "coppice/archive/mapped_file.h"

namespace coppice::graph {

/// A TorchScript archive's model as LibTorch loads it, but that its large
/// tensors lie in the mapped file: they are read when they are used, and a
/// model larger than memory loads at once. What the model writes to them stays
/// in this copy of it.
///
/// Null for what is to be loaded by LibTorch: archives of small tensors alone,
/// those that `archive::strip_script` leaves, and faulty ones, of which
/// LibTorch says what is wrong.
std::optional<torch::jit::Module> mapped_script(
    const std::shared_ptr<const MappedFile>& file);

} // namespace coppice::graph
