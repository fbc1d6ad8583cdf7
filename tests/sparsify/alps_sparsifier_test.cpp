#include "coppice/sparsify/alps_sparsifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "sparsify/solver_checks.h"
#include "support/errors.h"

namespace coppice::alps_sparsifier_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using torch::Tensor;

using Options = ALPSSparsifierOptions;

void expect_solved(
    const Options& options,
    const Selection& selection,
    const ALPSOptions& how) {
  testing::expect_solved<ALPSSparsifier>(
      options, [&](const Tensor& weight, const SecondMoments& moments) {
        return solve_alps(weight, moments, selection, how);
      });
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
  ALPSSparsifier sparsifier(Options().preserve_zeros(true));
  testing::expect_second_step_keeps_the_zeros(sparsifier);
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
