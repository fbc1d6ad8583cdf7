// No drift: dropped weights stay exactly zero under every LibTorch optimizer,
// and kept ones follow the path of the reference's parametrized training.

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <functional>
#include <memory>

#include "coppice/sparsify/weight_norm_sparsifier.h"
#include "support/errors.h"

namespace coppice::protect_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

using Parameters = std::vector<torch::Tensor>;

struct OptimizerCase {
  std::string name;
  std::function<std::unique_ptr<torch::optim::Optimizer>(Parameters)> make;
};

template <typename Optimizer, typename Options>
OptimizerCase optimizer_case(std::string name, Options options) {
  return {std::move(name), [options](Parameters parameters) {
            return std::make_unique<Optimizer>(std::move(parameters), options);
          }};
}

std::vector<OptimizerCase> elementwise_optimizers() {
  using namespace torch::optim;
  return {
      optimizer_case<SGD>("SGD", SGDOptions(0.1)),
      optimizer_case<SGD>(
          "SGDMomentumDecay", SGDOptions(0.1).momentum(0.9).weight_decay(0.1)),
      optimizer_case<SGD>(
          "SGDNesterov",
          SGDOptions(0.1).momentum(0.9).weight_decay(0.1).nesterov(true)),
      optimizer_case<SGD>(
          "SGDDampening", SGDOptions(0.1).momentum(0.9).dampening(0.5)),
      optimizer_case<Adam>("AdamDecay", AdamOptions(0.01).weight_decay(0.1)),
      optimizer_case<Adam>(
          "AdamAMSGrad", AdamOptions(0.01).weight_decay(0.1).amsgrad(true)),
      optimizer_case<AdamW>("AdamW", AdamWOptions(0.01).weight_decay(0.1)),
      optimizer_case<AdamW>(
          "AdamWAMSGrad", AdamWOptions(0.01).weight_decay(0.1).amsgrad(true)),
      optimizer_case<RMSprop>(
          "RMSprop",
          RMSpropOptions(0.01).momentum(0.9).weight_decay(0.1).centered(true)),
      optimizer_case<Adagrad>(
          "Adagrad", AdagradOptions(0.1).weight_decay(0.1).lr_decay(0.01)),
  };
}

std::vector<OptimizerCase> all_optimizers() {
  using namespace torch::optim;
  auto cases = elementwise_optimizers();
  cases.push_back(
      optimizer_case<LBFGS>("LBFGS", LBFGSOptions(0.1).max_iter(4)));
  cases.push_back(optimizer_case<LBFGS>(
      "LBFGSWolfe",
      LBFGSOptions(1).max_iter(4).line_search_fn("strong_wolfe")));
  return cases;
}

/// Two matrices, tanh between, on fixed data; the loss reads the weights
/// through `weight`, which a masked run replaces.
struct Problem {
  Problem() {
    torch::manual_seed(3);
    x = torch::randn({32, 12});
    y = torch::randn({32, 6});
    weights = {torch::randn({16, 12}), torch::randn({6, 16})};
    for (auto& weight : weights) {
      weight.mul_(0.3).requires_grad_();
    }
  }

  torch::Tensor loss(const std::function<torch::Tensor(size_t)>& weight) const {
    const auto hidden = torch::tanh(x.mm(weight(0).t()));
    return (hidden.mm(weight(1).t()) - y).pow(2).mean();
  }

  torch::Tensor loss() const {
    return loss([this](size_t i) { return weights[i]; });
  }

  torch::Tensor x;
  torch::Tensor y;
  Parameters weights;
};

void optimize(
    torch::optim::Optimizer& optimizer,
    const std::function<torch::Tensor()>& loss) {
  optimizer.step([&] {
    optimizer.zero_grad();
    auto value = loss();
    value.backward();
    return value;
  });
}

std::unique_ptr<WeightNormSparsifier> sparsifier_of(const Problem& problem) {
  auto sparsifier = std::make_unique<WeightNormSparsifier>(
      WeightNormOptions().sparsity_level(0.5).sparse_block_shape({1, 2}));
  sparsifier->prepare({{{"a", problem.weights[0]}, {"b", problem.weights[1]}}});
  return sparsifier;
}

class Protect : public ::testing::TestWithParam<OptimizerCase> {};

void expect_zero_where_dropped(const BaseSparsifier& sparsifier) {
  for (const auto& group : sparsifier.groups()) {
    const auto dropped = group.weight().detach().masked_select(~group.mask());
    ASSERT_GT(dropped.numel(), 0);
    ASSERT_TRUE(dropped.eq(0).all().item<bool>()) << group.tensor_fqn;
  }
}

TEST_P(Protect, DroppedWeightsStayZeroAlsoWithMomentumFromBefore) {
  Problem problem;
  const auto optimizer = GetParam().make(problem.weights);
  for (int i = 0; i < 3; ++i) {
    optimize(*optimizer, [&] { return problem.loss(); });
  }
  const auto sparsifier = sparsifier_of(problem);
  sparsifier->protect(*optimizer);
  for (const double level : {0.5, 0.75}) {
    sparsifier->set_sparsity_levels({level, level});
    sparsifier->step();
    const auto before = problem.weights[0].detach().clone();
    for (int i = 0; i < 10; ++i) {
      optimize(*optimizer, [&] { return problem.loss(); });
      expect_zero_where_dropped(*sparsifier);
    }
    const auto kept = sparsifier->mask("a");
    EXPECT_TRUE(problem.weights[0]
                    .detach()
                    .masked_select(kept)
                    .ne(before.masked_select(kept))
                    .any()
                    .item<bool>())
        << "kept weights go on learning";
  }
}

TEST_P(Protect, MayAlsoBeCalledAfterTheMaskExists) {
  Problem problem;
  const auto optimizer = GetParam().make(problem.weights);
  for (int i = 0; i < 3; ++i) {
    optimize(*optimizer, [&] { return problem.loss(); });
  }
  const auto sparsifier = sparsifier_of(problem);
  sparsifier->step();
  sparsifier->protect(*optimizer);
  for (int i = 0; i < 5; ++i) {
    optimize(*optimizer, [&] { return problem.loss(); });
    expect_zero_where_dropped(*sparsifier);
  }
}

// The reference keeps the original and multiplies it in every forward pass.
// L-BFGS is left out: it mixes all weights, so that hidden originals change the
// path of kept ones (docs/differences.md).
class ProtectParity : public Protect {};

TEST_P(ProtectParity, KeptWeightsFollowTheReferencesPath) {
  Problem ours;
  Problem theirs;
  const auto our_optimizer = GetParam().make(ours.weights);
  const auto their_optimizer = GetParam().make(theirs.weights);
  std::vector<torch::Tensor> masks = {
      torch::ones({16, 12}), torch::ones({6, 16})};
  const auto masked = [&](size_t i) { return masks[i] * theirs.weights[i]; };

  const auto sparsifier = sparsifier_of(ours);
  sparsifier->protect(*our_optimizer);
  for (const double level : {0.0, 0.5, 0.75}) {
    sparsifier->set_sparsity_levels({level, level});
    sparsifier->step();
    masks = {
        sparsifier->mask("a").to(torch::kFloat),
        sparsifier->mask("b").to(torch::kFloat)};
    for (int i = 0; i < 5; ++i) {
      optimize(*our_optimizer, [&] { return ours.loss(); });
      optimize(*their_optimizer, [&] { return theirs.loss(masked); });
    }
    for (size_t i = 0; i < masks.size(); ++i) {
      EXPECT_TRUE(ours.weights[i].equal(masked(i)))
          << "level " << level << ", largest difference "
          << (ours.weights[i] - masked(i)).abs().max().item<float>();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Optimizers,
    Protect,
    ::testing::ValuesIn(all_optimizers()),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Optimizers,
    ProtectParity,
    ::testing::ValuesIn(elementwise_optimizers()),
    [](const auto& info) { return info.param.name; });

// The control: without protection, old momentum moves dropped weights.
TEST(ProtectControl, WithoutItMomentumMovesDroppedWeights) {
  Problem problem;
  torch::optim::SGD optimizer(
      problem.weights, torch::optim::SGDOptions(0.1).momentum(0.9));
  for (int i = 0; i < 3; ++i) {
    optimize(optimizer, [&] { return problem.loss(); });
  }
  const auto sparsifier = sparsifier_of(problem);
  sparsifier->step();
  optimize(optimizer, [&] { return problem.loss(); });
  const auto& group = sparsifier->groups()[0];
  EXPECT_TRUE(group.weight()
                  .detach()
                  .masked_select(~group.mask())
                  .ne(0)
                  .any()
                  .item<bool>());
  sparsifier->apply_masks();
  expect_zero_where_dropped(*sparsifier);
}

TEST(ProtectErrors, RefusesWhatItCannotProtect) {
  class Unknown : public torch::optim::Optimizer {
   public:
    explicit Unknown(Parameters parameters)
        : Optimizer(
              {torch::optim::OptimizerParamGroup(std::move(parameters))},
              std::make_unique<torch::optim::SGDOptions>(0.1)) {}
    torch::Tensor step(LossClosure = nullptr) override {
      return {};
    }
    void save(torch::serialize::OutputArchive&) const override {}
    void load(torch::serialize::InputArchive&) override {}
  };
  Problem problem;
  const auto sparsifier = sparsifier_of(problem);
  Unknown unknown(problem.weights);
  EXPECT_THAT(
      message_of<c10::TypeError>([&] { sparsifier->protect(unknown); }),
      HasSubstr("call `apply_masks` after each of its steps"));

  torch::optim::SGD foreign({torch::ones({2}).requires_grad_()}, 0.1);
  EXPECT_THAT(
      message_of([&] { sparsifier->protect(foreign); }),
      HasSubstr("updates none of the sparsifier's tensors"));

  WeightNormSparsifier unprepared;
  EXPECT_THAT(
      message_of([&] { unprepared.protect(foreign); }),
      HasSubstr("call `prepare` with a model first"));
}

} // namespace
} // namespace coppice::protect_test
