#pragma once

#include <nlohmann/json.hpp>

#include <fstream>
#include <string>

namespace coppice::testing {

/// The file `name` of the recorded outputs of PyTorch's own implementation, or
/// null if they are not on this machine. Skip the test then:
///
///     const auto file = golden("schedulers.json");
///     if (file.is_null()) {
///       GTEST_SKIP() << kNoGolden;
///     }
inline nlohmann::json golden(const std::string& name) {
  std::ifstream file(COPPICE_SHARED "/golden/" + name);
  return file ? nlohmann::json::parse(file) : nlohmann::json();
}

inline constexpr const char* kNoGolden =
    "no recorded outputs of the reference: " COPPICE_SHARED
    "/golden is missing";

}  // namespace coppice::testing
