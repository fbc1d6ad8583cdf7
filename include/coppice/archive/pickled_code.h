#pragma once

#include <cstdint>
#include <string>

namespace coppice {

/// A class or a function that a pickle names beside plain data. Python imports
/// it when it loads the file, and most often calls it; nothing here does.
struct PickledCode {
  std::string name;   ///< "os.system"
  uint64_t calls = 0; ///< How often the pickle calls it or makes one.
  /// What it can do to whoever loads the file: "runs programs"; empty if it is
  /// not known to be dangerous.
  std::string danger;
};

} // namespace coppice
