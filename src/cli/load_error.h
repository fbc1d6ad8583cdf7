#pragma once

#include <exception>
#include <string>

namespace coppice::cli {

/// Why LibTorch cannot load a TorchScript file, and a remedy, without a full
/// stop and without C++ names.
std::string load_error(const std::exception& error);

} // namespace coppice::cli
