#pragma once

#include <gtest/gtest.h>

#include <hwy/targets.h>

#include <string>

namespace coppice::testing {

/// Runs every TEST_P of a derived class once per instruction set of this CPU.
/// Name the class in COPPICE_TEST_ON_EVERY_TARGET.
class OnEveryTarget : public ::testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override {
    hwy::SetSupportedTargetsForTest(GetParam());
  }
  void TearDown() override {
    hwy::SetSupportedTargetsForTest(0);
  }
};

} // namespace coppice::testing

#define COPPICE_TEST_ON_EVERY_TARGET(Suite)                     \
  INSTANTIATE_TEST_SUITE_P(                                     \
      Targets,                                                  \
      Suite,                                                    \
      ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()), \
      [](const auto& info) {                                    \
        return std::string(hwy::TargetName(info.param));        \
      })
