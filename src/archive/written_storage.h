#pragma once

#include "archive/pickle_value.h"

namespace coppice::archive {

/// Bytes per element.
uint64_t width_of(Dtype dtype);

/// The storage to write for a tensor: its own, or one for its elements alone.
/// It contains the whole tensor.
///
/// Errors: std::invalid_argument if the tensor cannot be written.
PickleStorage written_storage(const PickleTensor& tensor);

} // namespace coppice::archive
