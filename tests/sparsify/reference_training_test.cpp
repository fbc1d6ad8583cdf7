// The whole loop beside the reference itself, where python3-torch is installed:
// the same data, weights and schedule must give the same weights, bit for bit.

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "coppice/schedule/cubic_sl.h"
#include "coppice/sparsify/weight_norm_sparsifier.h"
#include "support/models.h"
#include "support/reference.h"

namespace coppice::reference_training_test {
namespace {

constexpr int64_t kEpochs = 6;
constexpr int64_t kSteps = 4;

TEST(ReferenceTraining, GivesTheSameWeightsBitForBit) {
  if (!testing::has_reference()) {
    GTEST_SKIP() << testing::kNoReference;
  }
  torch::manual_seed(7);
  const auto x = torch::randn({32, 12});
  const auto y = torch::randn({32, 6});
  torch::nn::Sequential model(
      testing::linear_without_bias(12, 16),
      torch::nn::Tanh(),
      testing::linear_without_bias(16, 6));
  const auto weights = model->parameters();

  c10::impl::GenericDict given(c10::StringType::get(), c10::AnyType::get());
  given.insert("x", x);
  given.insert("y", y);
  given.insert("w0", weights[0].detach().clone());
  given.insert("w1", weights[1].detach().clone());
  given.insert("epochs", kEpochs);
  given.insert("steps", kSteps);

  torch::optim::SGD optimizer(
      weights, torch::optim::SGDOptions(0.1).momentum(0.9).weight_decay(0.01));
  WeightNormSparsifier sparsifier(
      WeightNormOptions().sparsity_level(0.75).sparse_block_shape({1, 2}));
  sparsifier.prepare(*model, {{"0.weight"}, {"2.weight"}});
  sparsifier.protect(optimizer);
  CubicSL schedule(sparsifier, CubicSLOptions().total_steps(kEpochs - 1));
  std::vector<double> levels;
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    for (int64_t step = 0; step < kSteps; ++step) {
      optimizer.zero_grad();
      (model->forward(x) - y).pow(2).mean().backward();
      optimizer.step();
    }
    sparsifier.step();
    levels.push_back(sparsifier.sparsity_levels()[0]);
    schedule.step();
  }
  sparsifier.squash_mask();

  const auto theirs =
      testing::run_reference("sparsify/reference_training.py", given);
  EXPECT_TRUE(theirs.at("levels").toTensor().equal(
      torch::tensor(levels, torch::kDouble)));
  EXPECT_TRUE(theirs.at("w0").toTensor().equal(weights[0]));
  EXPECT_TRUE(theirs.at("w1").toTensor().equal(weights[1]));
  EXPECT_EQ(weights[0].eq(0).sum().item<int64_t>(), 16 * 12 * 3 / 4);
}

} // namespace
} // namespace coppice::reference_training_test
