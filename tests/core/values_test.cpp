#include "coppice/core/values.h"

#include <gtest/gtest.h>
#include <torch/types.h>

namespace coppice::values_test {
namespace {

TEST(Values, PrintAsInPython) {
  EXPECT_EQ(to_python_string(0.5), "0.5");
  EXPECT_EQ(to_python_string(1.0), "1.0");
  EXPECT_EQ(to_python_string(int64_t(4)), "4");
  EXPECT_EQ(to_python_string(true), "True");
  EXPECT_EQ(to_python_string(c10::IValue()), "None");
  EXPECT_EQ(to_python_string("seq.0"), "seq.0");
  EXPECT_EQ(to_python_string(c10::ivalue::Tuple::create(1, 4)), "(1, 4)");
  EXPECT_EQ(to_python_string(c10::ivalue::Tuple::create(1)), "(1,)");
  EXPECT_EQ(to_python_string(std::vector<double>{0.1, 0.2}), "[0.1, 0.2]");
  EXPECT_EQ(to_python_string(torch::zeros({2, 3})), "tensor(Float [2, 3])");
}

TEST(Values, AreEqualByContent) {
  EXPECT_TRUE(same_value(torch::ones({2}), torch::ones({2})));
  EXPECT_FALSE(same_value(torch::ones({2}), torch::zeros({2})));
  EXPECT_FALSE(same_value(torch::ones({2}), torch::ones({3})));
  EXPECT_FALSE(same_value(torch::ones({2}), torch::ones({2}, torch::kDouble)));
  EXPECT_TRUE(same_value(0.5, 0.5));
  EXPECT_FALSE(same_value(0.5, "0.5"));
  EXPECT_TRUE(same_value(
      c10::ivalue::Tuple::create(1, 4), c10::ivalue::Tuple::create(1, 4)));
  EXPECT_FALSE(same_value(std::vector<double>{1}, std::vector<double>{1, 2}));
}

} // namespace
} // namespace coppice::values_test
