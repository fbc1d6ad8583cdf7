#pragma once

#include <exception>
#include <string>

namespace coppice::cli {

/// Why LibTorch does not load a TorchScript file, and what to do, as the rest
/// of a sentence without a full stop and without names of C++.
std::string load_error(const std::exception& error);

} // namespace coppice::cli
