#pragma once

#include <gtest/gtest.h>

#include <string>

namespace coppice::testing {

/// What `work` warned of, with all else it wrote to standard error; empty if
/// nothing.
template <typename Work>
std::string warnings_of(Work work) {
  ::testing::internal::CaptureStderr();
  try {
    work();
  } catch (...) {
    ::testing::internal::GetCapturedStderr();
    throw;
  }
  return ::testing::internal::GetCapturedStderr();
}

} // namespace coppice::testing
