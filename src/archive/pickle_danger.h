#pragma once

#include <string_view>

namespace coppice::archive {

/// What a name in a pickle lets Python do: "runs programs" for "os.system";
/// empty if not known to be dangerous. Nested names count:
/// `torch.serialization.os.system` is the same function.
std::string_view danger_of(std::string_view name);

/// Whether a name is part of pickling plain data, such as NumPy arrays, and
/// needs no mention.
bool is_harmless(std::string_view name);

} // namespace coppice::archive
