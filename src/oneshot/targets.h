#pragma once

#include <string>

#include "coppice/archive/stored_tensor.h"

namespace coppice::oneshot {

/// Whether a glob or expression matches a module that holds the tensor, at any
/// depth.
bool matches_module_around(
    const std::string& target,
    const StoredTensor& tensor);

} // namespace coppice::oneshot
