#include "coppice/masks/nearly_diagonal.h"

#include <gtest/gtest.h>

#include "support/golden.h"

namespace coppice::nearly_diagonal_test {
namespace {

using testing::bits_of;

// nearly_diagonal.json: 125 cases; where the reference fails, so do we.
TEST(NearlyDiagonalMask, GoldenMasksOfTheReference) {
  const auto data = testing::golden("nearly_diagonal.json");
  const auto& cases = data["cases"];
  EXPECT_EQ(cases.size(), 125);
  for (const auto& test : cases) {
    const auto weight = torch::rand(test["shape"].get<std::vector<int64_t>>());
    const int64_t nearliness = test["nearliness"];
    if (test["result"].contains("bits")) {
      EXPECT_EQ(
          bits_of(nearly_diagonal_mask(weight, nearliness)),
          test["result"]["bits"].get<std::string>())
          << test;
    } else {
      EXPECT_THROW(nearly_diagonal_mask(weight, nearliness), c10::ValueError)
          << test;
    }
  }
}

// NearlyDiagonal.test_sparsity_levels of the reference (docs/reference.md 7.2).
TEST(NearlyDiagonalMask, ReferenceTestSparsityLevels) {
  const auto weight = torch::ones({32, 32});
  const auto distance =
      (torch::arange(32).unsqueeze(1) - torch::arange(32)).abs();
  for (int64_t nearliness = -1; nearliness < 100; ++nearliness) {
    if (nearliness > 0 && (nearliness % 2 == 0 || nearliness / 2 >= 32)) {
      EXPECT_THROW(nearly_diagonal_mask(weight, nearliness), c10::ValueError);
      continue;
    }
    const auto expected = nearliness <= 0 ? torch::zeros({32, 32}, torch::kBool)
                                          : distance.le(nearliness / 2);
    EXPECT_TRUE(nearly_diagonal_mask(weight, nearliness).equal(expected))
        << nearliness;
  }
}

} // namespace
} // namespace coppice::nearly_diagonal_test
