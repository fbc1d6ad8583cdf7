#pragma once

#include <cstdint>
#include <string>

namespace coppice {

/// A class or function in a pickle that is not plain data. Python imports it
/// when loading the file, and usually calls it; Coppice does neither.
struct PickledCode {
  std::string name;   ///< "os.system"
  uint64_t calls = 0; ///< How often the pickle calls it.
  /// What it can do when the file is loaded: "runs programs"; empty if it is
  /// not known to be dangerous.
  std::string danger;
};

} // namespace coppice
