#include "calibration/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <limits>

#include "support/errors.h"
#include "support/script_models.h"

namespace coppice::samples_test {
namespace {

using calibration::Samples;
using coppice::testing::message_of;
using ::testing::HasSubstr;

TEST(Samples, HaveNoNaNWhereverItIs) {
  const auto net = testing::script_net();
  const auto message = [&](const torch::Tensor& x) {
    return message_of([&] { Samples(net, {x}, false); });
  };
  // More than are looked at in one piece.
  const auto x = torch::zeros({3000, 2000});
  EXPECT_EQ(Samples(net, {x}, false).count(), 3000);
  x[2999][7] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(message(x), HasSubstr("in sample 2999"));
  x[5][1999] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message(x), HasSubstr("in sample 5"));
  const auto line = torch::zeros({9});
  line[8] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message(line), HasSubstr("in sample 8"));
}

} // namespace
} // namespace coppice::samples_test
