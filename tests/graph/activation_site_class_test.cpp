#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/frontend/sugared_value.h>
#include <torch/script.h>

#include <sstream>

#include "coppice/core/activation_site.h"
#include "support/errors.h"

namespace coppice::activation_site_class_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

c10::intrusive_ptr<ActivationSite> masked_site() {
  auto site = c10::make_intrusive<ActivationSite>("encoder.fc1");
  site->mask({{torch::tensor({1, 0, 1})}, false, {}, 0});
  site->mask({{torch::tensor({2.F}), torch::tensor({0.5F})}, true, {1, 1}, -1});
  return site;
}

/// Declares `coppice.activation_site` for the source of a module.
struct Ops : torch::jit::NativeResolver {
  std::shared_ptr<torch::jit::SugaredValue> resolveValue(
      const std::string& name,
      torch::jit::GraphFunction& method,
      const torch::jit::SourceRange& where) override {
    return name == "coppice"
        ? std::make_shared<torch::jit::BuiltinModule>("coppice")
        : NativeResolver::resolveValue(name, method, where);
  }
};

torch::jit::Module module_of(
    const c10::intrusive_ptr<ActivationSite>& site,
    const std::string& source) {
  torch::jit::Module module("M");
  const c10::IValue value(site);
  module.register_attribute("site", value.type(), value);
  module.define(source, std::make_shared<Ops>());
  return module;
}

/// A module whose forward passes its input through the site `times` times and
/// adds the results.
torch::jit::Module module_with(
    const c10::intrusive_ptr<ActivationSite>& site,
    int times = 1) {
  std::string sum = "torch.zeros_like(x)";
  for (int i = 0; i < times; ++i) {
    sum += " + coppice.activation_site(x, self.site)";
  }
  return module_of(site, "def forward(self, x):\n    return " + sum + "\n");
}

torch::jit::Module reloaded(const torch::jit::Module& module) {
  std::stringstream file;
  module.save(file);
  return torch::jit::load(file);
}

torch::Tensor run(torch::jit::Module module, const torch::Tensor& x) {
  return module.forward({x}).toTensor();
}

c10::intrusive_ptr<ActivationSite> site_of(const torch::jit::Module& module) {
  return module.attr("site").toCustomClass<ActivationSite>();
}

TEST(ActivationSiteClass, MasksTravelWithTheModule) {
  const auto site = masked_site();
  site->observe([](const torch::Tensor&) {});
  const auto module = module_with(site);
  const auto again = reloaded(module);
  const auto x = torch::randn({4, 3});
  EXPECT_TRUE(run(again, x).equal(site->pass(x)));
  const auto loaded = site_of(again);
  EXPECT_EQ(loaded->layer_fqn(), "encoder.fc1");
  const auto masks = loaded->masks();
  ASSERT_EQ(masks.size(), 2);
  EXPECT_FALSE(masks[0].has_features);
  EXPECT_TRUE(masks[0].masks[0].equal(torch::tensor({1, 0, 1})));
  EXPECT_TRUE(masks[1].has_features);
  EXPECT_EQ(masks[1].features, (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(masks[1].feature_dim, -1);
}

TEST(ActivationSiteClass, PassesTheTensorItself) {
  const auto module = module_of(
      c10::make_intrusive<ActivationSite>("fc1"),
      "def forward(self, x):\n"
      "    return coppice.activation_site(x, self.site)\n");
  const auto x = torch::randn({2});
  EXPECT_TRUE(run(module, x).is_same(x));
  EXPECT_TRUE(run(reloaded(module), x).is_same(x));
}

TEST(ActivationSiteClass, EveryCallIsSeenHoweverTheGraphIsOptimized) {
  const auto site = c10::make_intrusive<ActivationSite>("fc1");
  int calls = 0;
  site->observe([&](const torch::Tensor&) { ++calls; });
  auto module = module_with(site, 3);
  const auto x = torch::randn({2, 2});
  for (int run_number = 1; run_number <= 4; ++run_number) {
    run(module, x);
    EXPECT_EQ(calls, 3 * run_number);
  }
  module.eval();
  calls = 0;
  const auto frozen = torch::jit::freeze(module);
  run(frozen, x);
  EXPECT_EQ(calls, 3);
}

TEST(ActivationSiteClass, ACallWhoseResultNobodyReadsIsSeen) {
  const auto site = c10::make_intrusive<ActivationSite>("fc1");
  int calls = 0;
  site->observe([&](const torch::Tensor&) { ++calls; });
  const auto module = module_of(
      site,
      "def forward(self, x):\n"
      "    y = coppice.activation_site(x, self.site)\n"
      "    return x + 1\n");
  run(module, torch::ones(1));
  run(module, torch::ones(1));
  EXPECT_EQ(calls, 2);
}

TEST(ActivationSiteClass, GradientsFlowThroughTheMasks) {
  const auto module = module_with(masked_site());
  for (int i = 0; i < 3; ++i) { // The third run uses the optimized graph.
    const auto x = torch::ones({2, 3}, torch::requires_grad());
    run(module, x).sum().backward();
    EXPECT_TRUE(x.grad().equal(torch::tensor({1.F, 0.F, 1.F}).expand({2, 3})));
  }
}

TEST(ActivationSiteClass, PrintsItself) {
  const c10::IValue site(masked_site());
  EXPECT_EQ(
      site.type()
          ->expect<c10::ClassType>()
          ->getMethod("__str__")({site})
          .toStringRef(),
      "ActivationSite(\"encoder.fc1\", mask of shape [3], mask of 2 features "
      "along dimension -1)");
}

TEST(ActivationSiteClass, RefusesAMalformedState) {
  const c10::IValue site(c10::make_intrusive<ActivationSite>("fc1"));
  auto& set_state =
      site.type()->expect<c10::ClassType>()->getMethod("__setstate__");
  const auto refusal = [&](const c10::IValue& state) {
    return message_of([&] { set_state({site, state}); });
  };
  using c10::ivalue::Tuple;
  const std::string fqn = "fc1";
  const auto with_mask = [&](const c10::IValue& mask) {
    c10::impl::GenericList masks(c10::AnyType::get());
    masks.push_back(mask);
    return Tuple::create(int64_t{1}, fqn, masks);
  };
  EXPECT_THAT(
      refusal(int64_t{3}), HasSubstr("begin with the number of its format"));
  EXPECT_THAT(
      refusal(Tuple::create(int64_t{2}, fqn)),
      HasSubstr("its format is 2 and not 1"));
  EXPECT_THAT(
      refusal(Tuple::create(int64_t{1}, fqn)),
      HasSubstr("it is not (format, layer, masks)"));
  EXPECT_THAT(
      refusal(with_mask(int64_t{1})),
      HasSubstr("a mask is not a tuple of four"));
  const std::vector<int64_t> features = {1, 2};
  EXPECT_THAT(
      refusal(with_mask(Tuple::create(features, true, features, int64_t{0}))),
      HasSubstr("a mask is not (tensors, bool, integers, integer)"));
  const std::vector<torch::Tensor> one = {torch::ones(1)};
  EXPECT_THAT(
      refusal(with_mask(Tuple::create(one, true, features, int64_t{0}))),
      HasSubstr("a mask has 1 tensors and not 2; save the model again"));
}

} // namespace
} // namespace coppice::activation_site_class_test
