#include "core/fqn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coppice::fqn_test {
namespace {

// docs/reference.md 7.4, test_get_arg_info_from_tensor_fqn and _fail.
TEST(Fqn, SplitsAtTheLastDot) {
  EXPECT_EQ(split_fqn("foo.bar.baz").module_fqn, "foo.bar");
  EXPECT_EQ(split_fqn("foo.bar.baz").tensor_name, "baz");
}

TEST(Fqn, ANameWithoutADotBelongsToTheRoot) {
  EXPECT_EQ(split_fqn("weight").module_fqn, "");
  EXPECT_EQ(split_fqn("weight").tensor_name, "weight");
}

TEST(Fqn, JoinIsTheInverseOfSplit) {
  for (const char* fqn : {"weight", "fc1.weight", "a.b.c.weight"}) {
    const auto split = split_fqn(fqn);
    EXPECT_EQ(join_fqn(split.module_fqn, split.tensor_name), fqn);
  }
}

TEST(Fqn, HasPartsBetweenDots) {
  using ::testing::ElementsAre;
  EXPECT_THAT(
      fqn_parts("layers.3.weight"), ElementsAre("layers", "3", "weight"));
  EXPECT_THAT(fqn_parts("weight"), ElementsAre("weight"));
  EXPECT_THAT(fqn_parts(".a..b"), ElementsAre("", "a", "", "b"));
  EXPECT_THAT(fqn_parts(""), ElementsAre(""));
}

TEST(Fqn, FindsTheNearestName) {
  EXPECT_EQ(
      nearest_name("fc1.wieght", {"fc2.weight", "fc1.weight", "fc1.bias"}),
      "fc1.weight");
  EXPECT_EQ(nearest_name("x", {"aa", "bb"}), "aa") << "the first of equals";
  EXPECT_EQ(nearest_name("x", {}), "");
}

TEST(MatchesGlob, AsAShellDoes) {
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_TRUE(matches_glob("*.weight", "encoder.0.weight"));
  EXPECT_TRUE(matches_glob("encoder.?.weight", "encoder.0.weight"));
  EXPECT_TRUE(matches_glob("*a*b", "xaxxab"));
  EXPECT_TRUE(matches_glob("fc[1]", "fc[1]"));
  EXPECT_FALSE(matches_glob("encoder.?.weight", "encoder.10.weight"));
  EXPECT_FALSE(matches_glob("fc1", "fc1.weight"));
  EXPECT_FALSE(matches_glob("", "a"));
  EXPECT_FALSE(matches_glob("*ab", "abc"));
}

TEST(MatchesGlob, IsNotQuadraticInStars) {
  const std::string name(100000, 'a');
  EXPECT_FALSE(matches_glob("*a*a*a*a*a*a*a*a*b", name));
}

} // namespace
} // namespace coppice::fqn_test
