#include "coppice/sparsify/sparsegpt_sparsifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "sparsify/solver_checks.h"
#include "support/errors.h"

namespace coppice::sparsegpt_sparsifier_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using torch::Tensor;

using Options = SparseGPTSparsifierOptions;

void expect_solved(
    const Options& options,
    const Selection& selection,
    const SparseGPTOptions& how) {
  testing::expect_solved<SparseGPTSparsifier>(
      options, [&](const Tensor& weight, const SecondMoments& moments) {
        return solve_sparsegpt(weight, moments, selection, how);
      });
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
  SparseGPTSparsifier sparsifier(Options().preserve_zeros(true));
  testing::expect_second_step_keeps_the_zeros(sparsifier);
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
