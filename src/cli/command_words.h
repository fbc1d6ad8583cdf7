#pragma once

#include <string>
#include <vector>

namespace coppice::cli {

/// Words quoted for a shell.
std::string quoted_words(const std::vector<std::string>& words);

/// This program's command line, quoted for a shell: "coppice bench net.pt";
/// empty if the system does not provide it.
std::string command_words();

} // namespace coppice::cli
