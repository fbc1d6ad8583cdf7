#pragma once

#include <c10/util/Exception.h>

#include "coppice/archive/stored_tensor.h"

namespace coppice::oneshot {

/// Whether all elements are 0 or minus infinity, and some are the latter: what
/// is added to attention. Most weights end the search at once.
bool is_infinity_mask(const StoredTensor& tensor);

/// Throws on what scoring a tensor threw: a sentence with its name if it holds
/// NaN or infinity, else the same error.
[[noreturn]] void rethrow_of(const StoredTensor& tensor, c10::Error& error);

} // namespace coppice::oneshot
