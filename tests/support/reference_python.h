#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace coppice {

/// Debian's interpreter: another python3 in PATH would not find Debian's
/// python3-torch.
constexpr const char* kPython = "/usr/bin/python3";

constexpr const char* kNoReference =
    "python3-torch is not installed (script/bootstrap --with-reference)";

/// Whether the reference is available. Skip the test otherwise:
///
///     if (!has_reference()) {
///       GTEST_SKIP() << kNoReference;
///     }
inline bool has_reference() {
  static const bool has =
      std::system(
          (std::string(kPython) + " -c 'import torch' 2>/dev/null").c_str()) ==
      0;
  return has;
}

/// Runs `script` of the folder tests/ and returns what it printed; an empty
/// string if it fails.
inline std::string run_reference(
    const std::string& script,
    const std::string& arguments) {
  const std::string command = std::string(kPython) + " -W ignore '" +
      COPPICE_TESTS "/" + script + "' " + arguments + " && echo done";
  FILE* const pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  for (size_t read = 0;
       pipe && (read = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    output.append(buffer, read);
  }
  const bool good = pipe && pclose(pipe) == 0;
  return good ? output : "";
}

/// The library of this build; empty if Python cannot load it: it is static or
/// has sanitizers.
inline std::string python_library() {
#ifdef __SANITIZE_ADDRESS__
  return "";
#endif
  if (const char* given = std::getenv("COPPICE_LIBRARY")) {
    return given;
  }
#ifdef COPPICE_LIBRARY
  return COPPICE_LIBRARY;
#else
  return "";
#endif
}

} // namespace coppice
