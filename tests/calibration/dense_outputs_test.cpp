#include "calibration/dense_outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/script_models.h"

namespace coppice::dense_outputs_test {
namespace {

using namespace coppice::calibration; // NOLINT(google-build-using-namespace)

class DenseOutputsTest : public ::testing::Test {
 protected:
  /// The outputs of `times` runs over samples 1, 3, 4, 6 and 7, two at a time.
  torch::Tensor run(int64_t most_bytes, int times) {
    const Samples samples(net_, {x_}, /*are_single=*/false);
    const SampleIndices which{1, 3, 4, 6, 7};
    const ModelLoader load = [this] {
      ++loads_;
      return net_.copy();
    };
    DenseOutputs outputs(load, samples, which, 2, most_bytes);
    EXPECT_EQ(outputs.batches(), 3);
    torch::Tensor last;
    for (int i = 0; i < times; ++i) {
      std::vector<torch::Tensor> rows;
      SampleIndices seen;
      outputs.for_each([&](const SampleIndices& some, const c10::IValue& y) {
        seen.insert(seen.end(), some.begin(), some.end());
        rows.push_back(y.toTensor());
      });
      EXPECT_EQ(seen, which);
      last = torch::cat(rows);
    }
    return last;
  }

  torch::jit::Module net_ = testing::script_net();
  torch::Tensor x_ = torch::randn({8, 6});
  torch::Tensor wanted_ = net_.forward({x_}).toTensor().index_select(
      0,
      torch::tensor(SampleIndices{1, 3, 4, 6, 7}, torch::kLong));
  int loads_ = 0;
};

TEST_F(DenseOutputsTest, RunTheModelOnceIfTheyFit) {
  EXPECT_TRUE(run(5 * 3 * 4, 3).allclose(wanted_));
  EXPECT_EQ(loads_, 1);
}

TEST_F(DenseOutputsTest, RunItEachTimeIfTheyDoNot) {
  EXPECT_TRUE(run(5 * 3 * 4 - 1, 3).allclose(wanted_));
  EXPECT_EQ(loads_, 3);
}

} // namespace
} // namespace coppice::dense_outputs_test
