// Solvers with degenerate and invalid inputs.

#include "coppice/solve/solvers.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <functional>
#include <limits>
#include <ostream>
#include <vector>

#include "coppice/solve/admm.h"
#include "coppice/solve/swaps.h"
#include "support/errors.h"

namespace coppice::solvers_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using torch::Tensor;

using Solver = std::function<
    Solved(const Tensor&, const SecondMoments&, const Selection&)>;

struct Method {
  const char* name;
  Solver solve;
  bool changes_weights = true;
};

void PrintTo(const Method& method, std::ostream* stream) {
  *stream << method.name;
}

const std::vector<Method> kMethods = {
    {"wanda",
     [](const auto& w, const auto& m, const auto& s) {
       return solve_wanda(w, m, s);
     },
     false},
    {"sparsegpt",
     [](const auto& w, const auto& m, const auto& s) {
       return solve_sparsegpt(w, m, s);
     }},
    {"alps",
     [](const auto& w, const auto& m, const auto& s) {
       return solve_alps(w, m, s, ALPSOptions().max_steps(24));
     }},
    {"admm", [](const auto& w, const auto& m, const auto& s) {
       return solve_admm(w, m, s);
     }}};

const std::vector<Selection> kSelections = {
    Selection().sparsity(0.5),
    Selection().sparsity(0.5).among(Selection::Among::Row),
    Selection(Nm{2, 4}),
    Selection(Nm{4, 8}),
    Selection(BlockShape{4, 1}).sparsity(0.5)};

SecondMoments moments_of(const Tensor& x) {
  SecondMoments moments(x.size(-1));
  moments.add(x);
  return moments;
}

/// Correlated inputs, as in real layers.
Tensor samples(int64_t rows, int64_t features) {
  torch::manual_seed(2);
  return torch::randn({rows, features}).mm(torch::randn({features, features}));
}

Tensor weight_of(int64_t out, int64_t features) {
  torch::manual_seed(3);
  return torch::randn({out, features});
}

class Solvers : public ::testing::TestWithParam<Method> {
 protected:
  // Threads do not speed up small products, and wait for each other on a busy
  // machine.
  void SetUp() override {
    at::set_num_threads(1);
  }
  void TearDown() override {
    at::set_num_threads(threads_);
  }

  void expect_sound(const Solved& solved, const Tensor& weight, double share) {
    EXPECT_EQ(solved.weight.scalar_type(), weight.scalar_type());
    EXPECT_TRUE(solved.weight.isfinite().all().item<bool>());
    EXPECT_TRUE(solved.weight.masked_select(solved.mask.logical_not())
                    .eq(0)
                    .all()
                    .item<bool>());
    EXPECT_EQ(
        solved.mask.logical_not().sum().item<int64_t>(),
        static_cast<int64_t>(share * weight.numel()));
  }

 private:
  int threads_ = at::get_num_threads();
};

TEST_P(Solvers, DeadInputs) {
  auto x = samples(200, 64);
  x.slice(1, 8, 16).zero_();
  const auto moments = moments_of(x);
  const auto weight = weight_of(16, 64);
  for (const auto& selection : kSelections) {
    const auto solved = GetParam().solve(weight, moments, selection);
    EXPECT_EQ(solved.dead_inputs, 8);
    EXPECT_TRUE(solved.weight.isfinite().all().item<bool>());
    EXPECT_LT(relative_layer_error(weight, solved.weight, moments), 0.6);
  }
}

TEST_P(Solvers, FewerSamplesThanFeatures) {
  const auto weight = weight_of(16, 64);
  const auto moments = moments_of(samples(10, 64));
  for (const auto& selection : kSelections) {
    const auto solved = GetParam().solve(weight, moments, selection);
    expect_sound(solved, weight, 0.5);
    EXPECT_LT(relative_layer_error(weight, solved.weight, moments), 0.6);
  }
}

TEST_P(Solvers, NotDefiniteRaisesTheDampeningAndSaysSo) {
  if (!GetParam().changes_weights) {
    GTEST_SKIP() << "this method looks at the diagonal alone";
  }
  auto matrix = moments_of(samples(200, 32)).matrix();
  matrix.sub_(
      torch::eye(32, torch::kDouble) * (0.4 * matrix.diagonal().mean()));
  const auto weight = weight_of(16, 32);
  const auto solved = GetParam().solve(
      weight, SecondMoments::of_matrix(matrix), Selection().sparsity(0.5));
  expect_sound(solved, weight, 0.5);
  EXPECT_GE(solved.dampening, 0.99);
}

TEST_P(Solvers, HalfAndBfloat16AreRoundedOnce) {
  const auto moments = moments_of(samples(200, 64));
  for (const auto dtype : {torch::kHalf, torch::kBFloat16}) {
    const auto weight = weight_of(16, 64).to(dtype);
    for (const auto& selection : kSelections) {
      const auto solved = GetParam().solve(weight, moments, selection);
      const auto wide =
          GetParam().solve(weight.to(torch::kFloat), moments, selection);
      EXPECT_TRUE(solved.mask.equal(wide.mask));
      EXPECT_TRUE(solved.weight.equal(wide.weight.to(dtype)));
    }
  }
}

TEST_P(Solvers, NanAndInfinityAreErrors) {
  const auto weight = weight_of(4, 8);
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(),
        std::numeric_limits<double>::infinity()}) {
    auto x = samples(20, 8);
    x[3][5] = bad;
    EXPECT_THAT(
        message_of(
            [&] { GetParam().solve(weight, moments_of(x), Selection()); }),
        HasSubstr("the second moments hold NaN or infinity"));
    for (const auto dtype : {torch::kFloat, torch::kDouble}) {
      for (const auto& selection : kSelections) {
        auto spoilt = weight.to(dtype).clone();
        spoilt[2][7] = bad;
        EXPECT_THAT(
            message_of([&] {
              GetParam().solve(spoilt, moments_of(samples(20, 8)), selection);
            }),
            HasSubstr("the weight holds NaN or infinity"));
      }
    }
  }
}

TEST_P(Solvers, ThreadsDoNotChangeTheMask) {
  // More rows than a thread takes, more columns than are solved at once.
  const auto weight = weight_of(80, 264);
  const auto x = samples(400, 264);
  for (const auto& selection : {kSelections[0], kSelections[2]}) {
    at::set_num_threads(1);
    const auto one = GetParam().solve(weight, moments_of(x), selection);
    at::set_num_threads(2);
    const auto two = GetParam().solve(weight, moments_of(x), selection);
    EXPECT_TRUE(one.mask.equal(two.mask)) << GetParam().name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Methods,
    Solvers,
    ::testing::ValuesIn(kMethods),
    [](const auto& info) { return info.param.name; });

TEST(PreservedZeros, StayAndCountAmongThoseThatFall) {
  auto weight = weight_of(16, 64);
  weight.slice(1, 0, 64, 4).zero_(); // A quarter.
  const auto moments = moments_of(samples(200, 64));
  for (const auto& selection : kSelections) {
    const auto zeros = weight.eq(0);
    const auto expect = [&](const Solved& solved) {
      EXPECT_FALSE(solved.mask.logical_and(zeros).any().item<bool>());
      if (!std::holds_alternative<BlockShape>(selection.pattern())) {
        EXPECT_EQ(solved.mask.sum().item<int64_t>(), weight.numel() / 2);
      }
    };
    expect(solve_wanda(
        weight, moments, selection, WandaOptions().preserve_zeros(true)));
    expect(solve_wanda(
        weight.to(torch::kDouble),
        moments,
        selection,
        WandaOptions().preserve_zeros(true)));
    expect(solve_sparsegpt(
        weight, moments, selection, SparseGPTOptions().preserve_zeros(true)));
    expect(solve_alps(
        weight, moments, selection, ALPSOptions().preserve_zeros(true)));
  }
}

TEST(Wanda, MasksOfFloatAndDoubleAreTheSame) {
  // Integers: both compute the same scores, with many ties.
  const auto weight = weight_of(37, 131).mul(2).round();
  const auto moments =
      SecondMoments::of_matrix(torch::eye(131, torch::kDouble) * 4);
  for (const auto& selection : kSelections) {
    const auto fast = solve_wanda(weight, moments, selection);
    const auto plain =
        solve_wanda(weight.to(torch::kDouble), moments, selection);
    EXPECT_TRUE(fast.mask.equal(plain.mask));
    EXPECT_TRUE(fast.weight.equal(plain.weight.to(torch::kFloat)));
  }
}

TEST(Refit, NotDefiniteRaisesTheDampening) {
  auto matrix = moments_of(samples(200, 32)).matrix();
  matrix.sub_(
      torch::eye(32, torch::kDouble) * (0.4 * matrix.diagonal().mean()));
  const auto weight = weight_of(16, 32);
  const auto moments = SecondMoments::of_matrix(matrix);
  EXPECT_GE(refit(weight, moments, weight.gt(0)).dampening, 0.99);
  EXPECT_TRUE(dense_output_target(weight, moments, matrix)
                  .isfinite()
                  .all()
                  .item<bool>());
}

TEST(SwapMask, OfAnotherShapeIsAnError) {
  const auto moments = moments_of(samples(20, 8));
  EXPECT_THAT(
      message_of([&] {
        swap_mask(weight_of(4, 8), moments, torch::ones({4, 7}, torch::kBool));
      }),
      HasSubstr("expected a bool mask"));
}

} // namespace
} // namespace coppice::solvers_test
