#include "coppice/sparsify/alps_sparsifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "sparsify/calibrated_nets.h"
#include "support/errors.h"

namespace coppice::alps_sparsifier_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using torch::Tensor;

using Options = ALPSSparsifierOptions;

/// The weight of the linear layer as the sparsifier and as the solver make it.
void expect_solved(
    const Options& options,
    const Selection& selection,
    const ALPSOptions& how) {
  const auto images = testing::calibration_images(60);
  auto net = testing::seeded_calibrated_net();
  const auto weight = net->fc->weight.detach().clone();
  ALPSSparsifier sparsifier;
  sparsifier.prepare(*net, {{"fc.weight", options}});
  net->forward(images);
  sparsifier.step();
  const auto moments =
      testing::moments_by_hand(images, SecondMoments::Kind::Full).fc.front();
  const auto right = solve_alps(weight, moments, selection, how);
  EXPECT_TRUE(sparsifier.mask("fc.weight").equal(right.mask));
  EXPECT_TRUE(net->fc->weight.equal(right.weight));
  sparsifier.squash_mask();
  EXPECT_TRUE(net->fc->weight.equal(right.weight));
}

TEST(ALPSSparsifier, IsTheSolver) {
  expect_solved(Options(), Selection(), {});
  expect_solved(
      Options().sparsity_level(0.7).dampening(0.1),
      Selection().sparsity(0.7),
      ALPSOptions().dampening(0.1));
  expect_solved(
      Options().sparsity_level(1).sparse_block_shape({1, 4}).zeros_per_block(2),
      Nm{2, 4},
      {});
  expect_solved(Options().sparse_block_shape({5, 2}), BlockShape{5, 2}, {});
}

TEST(ALPSSparsifier, ASecondStepAtTheSameLevelKeepsTheZeros) {
  auto net = testing::seeded_calibrated_net();
  ALPSSparsifier sparsifier(Options().preserve_zeros(true));
  sparsifier.prepare(*net, {{"fc.weight"}});
  net->forward(testing::calibration_images(60));
  sparsifier.step();
  const auto mask = sparsifier.mask("fc.weight");
  sparsifier.step();
  EXPECT_TRUE(sparsifier.mask("fc.weight").equal(mask));
}

TEST(ALPSSparsifier, RefusesOptionsOutOfRange) {
  const auto refused = [](const Options& options) {
    return message_of([&] { ALPSSparsifier sparsifier(options); });
  };
  EXPECT_THAT(
      refused(Options().sparsity_level(2)), HasSubstr("sparsity_level"));
  EXPECT_THAT(refused(Options().dampening(-1)), HasSubstr("dampening"));
  EXPECT_THAT(
      refused(Options().sparse_block_shape({2, 4}).zeros_per_block(3)),
      HasSubstr("ALPS has no pattern"));
  SparsifierOptions wrong;
  wrong.set("preserve_zeros", 3);
  EXPECT_THAT(refused(Options(wrong)), HasSubstr("preserve_zeros"));
}

} // namespace
} // namespace coppice::alps_sparsifier_test
