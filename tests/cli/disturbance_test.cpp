#include "cli/disturbance.h"

#include <gtest/gtest.h>

#include <chrono>

namespace coppice::cli::disturbance_test {
namespace {

TEST(Disturbance, IsWhatOthersTake) {
  // Ten seconds of two processors, interrupted a hundred times a second.
  EXPECT_TRUE(is_disturbed({10, 10, 1000, 20}));
  EXPECT_FALSE(is_disturbed({10, 19.5, 1000, 20}));
}

TEST(Disturbance, IsNotFoundWhereNoThreadWasInterrupted) {
  EXPECT_FALSE(is_disturbed({10, 10, 200, 20}));
}

TEST(Disturbance, IsToldByInterruptionsAloneWhereTheSystemTellsNoMore) {
  EXPECT_TRUE(is_disturbed({10, 10, 1000, {}}));
  EXPECT_FALSE(is_disturbed({10, 10, 200, {}}));
}

TEST(Disturbance, IsNotFoundInATwentiethOfASecond) {
  const Disturbance disturbance;
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  while (std::chrono::steady_clock::now() < end) {
  }
  // Too short a time for interruptions to tell anything.
  EXPECT_FALSE(disturbance.is_found());
}

} // namespace
} // namespace coppice::cli::disturbance_test
