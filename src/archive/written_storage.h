#pragma once

#include "archive/pickle_value.h"

namespace coppice::archive {

/// The bytes of an element.
uint64_t width_of(Dtype dtype);

/// The storage with which a tensor is written: its own, or one for it alone.
/// All of the tensor lies in it.
///
/// Errors: std::invalid_argument if it cannot be written.
PickleStorage written_storage(const PickleTensor& tensor);

} // namespace coppice::archive
