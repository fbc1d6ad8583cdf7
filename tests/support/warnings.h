#pragma once

#include <gtest/gtest.h>

#include <string>

namespace coppice::testing {

/// The standard error of `work`, with its warnings.
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
