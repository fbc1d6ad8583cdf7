#pragma once

#include <string_view>

namespace coppice::archive {

/// What Python may do at the word of a file that names "os.system": "runs
/// programs"; empty for what is not known to be dangerous. A name within
/// another counts: `torch.serialization.os.system` is the same function.
std::string_view danger_of(std::string_view name);

/// Whether a name is part of how plain things are pickled, NumPy's arrays for
/// one, so that nobody need hear of it.
bool is_harmless(std::string_view name);

} // namespace coppice::archive
