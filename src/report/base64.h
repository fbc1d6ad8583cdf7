#pragma once

#include <string>
#include <string_view>

namespace coppice::report {

/// RFC 4648, padded.
std::string base64(std::string_view bytes);

} // namespace coppice::report
