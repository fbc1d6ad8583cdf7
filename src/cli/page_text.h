#pragma once

#include <cstdint>
#include <string>

namespace coppice::cli {

/// The format of a layer that keeps LibTorch's product.
constexpr const char* kLibTorch = "libtorch";

/// "361.4 µs", "1.23 ms".
std::string time_text(double microseconds);

/// The speed-up: "3.42×".
std::string times_text(double before, double after);

/// Three digits, for headlines.
std::string short_bytes_text(int64_t bytes);

} // namespace coppice::cli
