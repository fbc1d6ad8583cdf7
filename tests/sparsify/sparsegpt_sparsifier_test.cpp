#include "coppice/sparsify/sparsegpt_sparsifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "sparsify/calibrated_nets.h"
#include "support/errors.h"

namespace coppice::sparsegpt_sparsifier_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using torch::Tensor;

using Options = SparseGPTSparsifierOptions;

/// The weight of the linear layer as the sparsifier and as the solver make it.
void expect_solved(
    const Options& options,
    const Selection& selection,
    const SparseGPTOptions& how) {
  const auto images = testing::calibration_images(60);
  auto net = testing::seeded_calibrated_net();
  const auto weight = net->fc->weight.detach().clone();
  SparseGPTSparsifier sparsifier;
  sparsifier.prepare(*net, {{"fc.weight", options}});
  net->forward(images);
  sparsifier.step();
  const auto moments =
      testing::moments_by_hand(images, SecondMoments::Kind::Full).fc.front();
  const auto right = solve_sparsegpt(weight, moments, selection, how);
  EXPECT_TRUE(sparsifier.mask("fc.weight").equal(right.mask));
  EXPECT_TRUE(net->fc->weight.equal(right.weight));
  sparsifier.squash_mask();
  EXPECT_TRUE(net->fc->weight.equal(right.weight));
}

TEST(SparseGPTSparsifier, IsTheSolver) {
  expect_solved(Options(), Selection(), {});
  expect_solved(
      Options().sparsity_level(0.7).block_size(8).dampening(0.1),
      Selection().sparsity(0.7),
      SparseGPTOptions().block_size(8).dampening(0.1));
  expect_solved(
      Options().sparsity_level(1).sparse_block_shape({1, 4}).zeros_per_block(2),
      Nm{2, 4},
      {});
  expect_solved(Options().sparse_block_shape({5, 2}), BlockShape{5, 2}, {});
}

TEST(SparseGPTSparsifier, ASecondStepAtTheSameLevelKeepsTheZeros) {
  auto net = testing::seeded_calibrated_net();
  SparseGPTSparsifier sparsifier(Options().preserve_zeros(true));
  sparsifier.prepare(*net, {{"fc.weight"}});
  net->forward(testing::calibration_images(60));
  sparsifier.step();
  const auto mask = sparsifier.mask("fc.weight");
  sparsifier.step();
  EXPECT_TRUE(sparsifier.mask("fc.weight").equal(mask));
}

TEST(SparseGPTSparsifier, RefusesOptionsOutOfRange) {
  const auto refused = [](const Options& options) {
    return message_of([&] { SparseGPTSparsifier sparsifier(options); });
  };
  EXPECT_THAT(
      refused(Options().sparsity_level(2)), HasSubstr("sparsity_level"));
  EXPECT_THAT(refused(Options().dampening(-1)), HasSubstr("dampening"));
  EXPECT_THAT(
      refused(Options().sparse_block_shape({2, 4}).zeros_per_block(3)),
      HasSubstr("SparseGPT has no pattern"));
  SparsifierOptions wrong;
  wrong.set("preserve_zeros", 3);
  EXPECT_THAT(refused(Options(wrong)), HasSubstr("preserve_zeros"));
  EXPECT_THAT(refused(Options().block_size(0)), HasSubstr("block_size"));
  EXPECT_THAT(
      refused(Options()
                  .sparsity_level(1)
                  .sparse_block_shape({1, 4})
                  .zeros_per_block(2)
                  .block_size(6)),
      HasSubstr("multiple of the 4"));
}

} // namespace
} // namespace coppice::sparsegpt_sparsifier_test
