#include "coppice/core/fqn.h"

#include <gtest/gtest.h>

namespace coppice {
namespace {

// Section 17.4, test_get_arg_info_from_tensor_fqn and _fail.
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

TEST(Fqn, FindsTheNearestName) {
  EXPECT_EQ(
      nearest_name("fc1.wieght", {"fc2.weight", "fc1.weight", "fc1.bias"}),
      "fc1.weight");
  EXPECT_EQ(nearest_name("x", {"aa", "bb"}), "aa") << "the first of equals";
  EXPECT_EQ(nearest_name("x", {}), "");
}

} // namespace
} // namespace coppice
