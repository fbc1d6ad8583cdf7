// docs/reference.md 7.2, NearlyDiagonal.*; the masks themselves are tested in
// masks/.

#include "coppice/sparsify/nearly_diagonal_sparsifier.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "coppice/schedule/lambda_sl.h"
#include "support/errors.h"
#include "support/models.h"

namespace coppice::nearly_diagonal_sparsifier_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::SimpleLinear;

// docs/reference.md 7.2, NearlyDiagonal.test_constructor.
TEST(NearlyDiagonalTestConstructor, TakesTheFiveLinearLayers) {
  SimpleLinear model;
  NearlyDiagonalSparsifier sparsifier;
  sparsifier.prepare(model);
  EXPECT_EQ(sparsifier.groups().size(), 5u);
}

// docs/reference.md 7.2, NearlyDiagonal.test_step and test_mask_squash.
TEST(NearlyDiagonalTestStep, KeepsTheDiagonalWhateverTheValues) {
  SimpleLinear model;
  NearlyDiagonalSparsifier sparsifier;
  sparsifier.prepare(model, {{"linear1.weight"}});
  for (int round = 0; round < 1000; ++round) {
    {
      const torch::NoGradGuard no_grad;
      model.linear1->weight.copy_(torch::randn({4, 4}));
    }
    sparsifier.step();
    ASSERT_TRUE(sparsifier.mask("linear1.weight").equal(torch::eye(4).ne(0)));
  }
  const auto weight = model.linear1->weight.detach().clone();
  sparsifier.squash_mask();
  EXPECT_TRUE(model.linear1->weight.equal(weight * torch::eye(4)));
}

// docs/reference.md 7.2, NearlyDiagonal.test_sparsity_levels.
TEST(NearlyDiagonalTestSparsityLevels, KeepsABandOrRefuses) {
  const auto distance =
      (torch::arange(32).unsqueeze(1) - torch::arange(32)).abs();
  for (int64_t nearliness = -1; nearliness < 100; ++nearliness) {
    auto model = testing::one_linear(torch::ones({32, 32}));
    NearlyDiagonalSparsifier sparsifier(
        NearlyDiagonalOptions().nearliness(nearliness));
    sparsifier.prepare(*model);
    if (nearliness > 0 && (nearliness % 2 == 0 || nearliness / 2 >= 32)) {
      EXPECT_THAT(
          message_of([&] { sparsifier.step(); }),
          HasSubstr("while masking `0.weight`"));
      // Quirk 10: the reference has lost its mask by then.
      EXPECT_TRUE(model->parameters()[0].eq(1).all().item<bool>());
      continue;
    }
    sparsifier.step();
    sparsifier.squash_mask();
    const auto band = nearliness <= 0
        ? torch::zeros({32, 32})
        : distance.le(nearliness / 2).to(torch::kFloat);
    EXPECT_TRUE(model->parameters()[0].equal(band)) << nearliness;
  }
}

// docs/reference.md 3: there is no level to schedule.
TEST(NearlyDiagonalScheduling, SaysThatItHasNoSparsityLevel) {
  SimpleLinear model;
  NearlyDiagonalSparsifier sparsifier;
  sparsifier.prepare(model, {{"linear1.weight"}});
  EXPECT_THAT(
      message_of([&] { LambdaSL(sparsifier, [](int64_t) { return 1; }); }),
      AllOf(
          HasSubstr("`linear1.weight` has no sparsity level"),
          HasSubstr("NearlyDiagonalSparsifier")));
}

} // namespace
} // namespace coppice::nearly_diagonal_sparsifier_test
