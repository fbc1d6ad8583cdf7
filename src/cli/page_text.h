#pragma once

#include <cstdint>
#include <string>

namespace coppice::cli {

/// The format of a layer that was left on LibTorch's own product.
constexpr const char* kLibTorch = "libtorch";

/// "361.4 µs", "1.23 ms".
std::string time_text(double microseconds);

/// How many times as fast: "3.42×".
std::string times_text(double before, double after);

/// For a headline: three digits tell enough.
std::string short_bytes_text(int64_t bytes);

} // namespace coppice::cli
