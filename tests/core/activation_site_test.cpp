#include "coppice/core/activation_site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <memory>

#include "support/errors.h"

namespace coppice::activation_site_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

torch::Tensor ramp() {
  return torch::arange(6, torch::kFloat).reshape({2, 3});
}

ActivationMask whole(torch::Tensor mask) {
  return {{std::move(mask)}, false, {}, 0};
}

TEST(ActivationSite, PassesTheTensorItselfWhenNothingIsAttached) {
  const auto site = c10::make_intrusive<ActivationSite>("fc1");
  const auto x = ramp();
  EXPECT_TRUE(site->is_empty());
  EXPECT_TRUE(site->pass(x).is_same(x));
}

TEST(ActivationSite, RunsWhatIsAttachedInItsOrder) {
  const auto site = c10::make_intrusive<ActivationSite>("fc1");
  std::vector<float> seen;
  const auto look = [&](const torch::Tensor& x) {
    seen.push_back(x.sum().item<float>());
  };
  const auto first = site->observe(look);
  const auto mask = site->mask(whole(torch::tensor({1, 0, 0})));
  site->observe(look);
  EXPECT_TRUE(site->pass(ramp()).equal(
      torch::tensor({{0.F, 0.F, 0.F}, {3.F, 0.F, 0.F}})));
  EXPECT_EQ(seen, (std::vector<float>{15, 3}));
  site->detach(first);
  site->detach(mask);
  site->detach(mask);
  EXPECT_TRUE(site->pass(ramp()).equal(ramp()));
  EXPECT_EQ(seen, (std::vector<float>{15, 3, 15}));
}

TEST(ActivationSite, MayBeChangedByWhatItCalls) {
  const auto site = c10::make_intrusive<ActivationSite>("fc1");
  int calls = 0;
  ActivationSite::Id id = 0;
  id = site->observe([&](const torch::Tensor&) {
    ++calls;
    site->detach(id);
  });
  site->pass(ramp());
  site->pass(ramp());
  EXPECT_EQ(calls, 1);
}

TEST(ActivationSite, ObserversMayComeBackWhenTheyDie) {
  struct ComesBack {
    ActivationSite& site;
    bool& was_empty;
    ~ComesBack() {
      was_empty = site.is_empty();
    }
  };
  ActivationSite site;
  bool was_empty = false;
  const auto id =
      site.observe([held = std::shared_ptr<ComesBack>(new ComesBack{
                        site, was_empty})](const torch::Tensor&) {});
  site.detach(id);
  EXPECT_TRUE(was_empty);
}

TEST(ActivationSite, CopiesAreTheirOwn) {
  const auto site = c10::make_intrusive<ActivationSite>("fc1");
  site->mask(whole(torch::zeros({3})));
  const auto copy = site->copy();
  copy->mask(whole(torch::ones({3})));
  EXPECT_EQ(site->masks().size(), 1U);
  EXPECT_EQ(copy->masks().size(), 2U);
  EXPECT_EQ(copy->layer_fqn(), "fc1");
}

TEST(MaskedActivation, KeepsTheDtypeAndTheSignOfZero) {
  const auto x = torch::tensor({-1.F, 2.F}).to(torch::kBFloat16);
  const auto masked = masked_activation(x, whole(torch::tensor({0.F, 1.F})));
  EXPECT_EQ(masked.scalar_type(), torch::kBFloat16);
  EXPECT_TRUE(std::signbit(masked[0].item<float>()));
}

TEST(ActivationMask, HasNoWholeTensorWhereItIsOfFeatures) {
  const ActivationMask mask{{torch::ones({1})}, true, {0}, 1};
  EXPECT_THAT(
      message_of([&] { mask.whole(); }), HasSubstr("the mask is per feature"));
  EXPECT_TRUE(whole(torch::ones({3})).whole().equal(torch::ones({3})));
}

TEST(MaskedActivation, MasksFeaturesInACopy) {
  const auto x = ramp();
  const ActivationMask mask{
      {torch::tensor({{0.F}, {1.F}}), torch::tensor({{1.F}, {0.F}})},
      true,
      {0, 2},
      -1};
  EXPECT_TRUE(masked_activation(x, mask).equal(
      torch::tensor({{0.F, 1.F, 2.F}, {3.F, 4.F, 0.F}})));
  EXPECT_TRUE(x.equal(ramp()));
}

TEST(MaskedActivation, LetsGradientsThrough) {
  for (const bool has_features : {false, true}) {
    const auto x = ramp().requires_grad_();
    const ActivationMask mask{
        {torch::tensor({{0.F}, {1.F}})}, has_features, {1}, 1};
    masked_activation(x, mask).sum().backward();
    EXPECT_EQ(x.grad().sum().item<float>(), has_features ? 5 : 3);
  }
}

TEST(ActivationSite, SaysWhichMaskDoesNotFit) {
  const auto site = c10::make_intrusive<ActivationSite>("fc1");
  site->mask(whole(torch::ones({4, 3})));
  const auto message = message_of([&] { site->pass(ramp()); });
  EXPECT_THAT(
      message,
      HasSubstr("a mask of shape [4, 3] does not fit an "
                "activation of shape [2, 3]"));
  EXPECT_THAT(message, HasSubstr("at the input of layer `fc1`"));
  site->set_layer_fqn("encoder.fc1");
  EXPECT_THAT(
      message_of([&] { site->pass(ramp()); }),
      HasSubstr("at the input of layer `encoder.fc1`"));
  site->set_layer_fqn("");
  EXPECT_THAT(
      message_of([&] { site->pass(ramp()); }),
      HasSubstr("at the input of a layer"));
}

TEST(ActivationSite, SaysWhichFeatureIsOutOfRange) {
  const auto site = c10::make_intrusive<ActivationSite>("fc1");
  site->mask({{torch::ones({2, 1})}, true, {3}, 1});
  EXPECT_THAT(
      message_of([&] { site->pass(ramp()); }),
      HasSubstr("feature 3 is out of range: dimension 1 of the activation has "
                "3"));
}

} // namespace
} // namespace coppice::activation_site_test
