#pragma once

#include <string>
#include <vector>

namespace coppice::cli {

/// Words as a shell takes them back.
std::string quoted_words(const std::vector<std::string>& words);

/// What this program was started with, as a shell takes it: "coppice bench
/// net.pt"; empty where the system does not tell.
std::string command_words();

} // namespace coppice::cli
