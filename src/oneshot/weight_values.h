#pragma once

#include <c10/util/Exception.h>

#include "coppice/archive/stored_tensor.h"

namespace coppice::oneshot {

/// Whether the tensor is an additive attention mask: 0 and minus infinity only,
/// with some of the latter. Stops at the first other value.
bool is_infinity_mask(const StoredTensor& tensor);

/// Rethrows an error of scoring a tensor: a sentence with its name if the
/// tensor holds NaN or infinity, else the same error.
[[noreturn]] void rethrow_of(const StoredTensor& tensor, c10::Error& error);

} // namespace coppice::oneshot
