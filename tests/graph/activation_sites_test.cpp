#include "coppice/graph/activation_sites.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/script_models.h"
#include "graph/site_tests.h"
#include "support/errors.h"

namespace coppice::activation_sites_test {
namespace {

using testing::graph_of;
using ::testing::HasSubstr;
using testing::input;
using testing::message_of;
using ::testing::Not;
using testing::reloaded;
using testing::run;
using testing::ScriptModels;
using testing::site_of;
using testing::two_layers;
using testing::watch;
using testing::whole;
using testing::why_no_site;
using torch::jit::Module;

TEST(ActivationSites, SeeWhatEntersEachLayer) {
  const auto module = two_layers();
  const auto before = run(module); // Its graph is optimized now.
  const auto copy = with_activation_sites(module);
  const auto root = watch(copy, "");
  const auto fc1 = watch(copy, "fc1");
  const auto fc2 = watch(copy, "fc2");
  EXPECT_TRUE(run(copy).equal(before));
  ASSERT_EQ(root->size(), 1);
  ASSERT_EQ(fc1->size(), 1);
  ASSERT_EQ(fc2->size(), 1);
  EXPECT_TRUE(fc1->at(0).equal(input()));
  EXPECT_GE(fc2->at(0).min().item<float>(), 0);
  EXPECT_TRUE(run(module).equal(before));
  EXPECT_EQ(fc1->size(), 1);
  EXPECT_THAT(graph_of(module), Not(HasSubstr("activation_site")));
}

TEST(ActivationSites, ShareTheParameters) {
  const auto module = two_layers();
  const auto copy = with_activation_sites(module);
  ASSERT_EQ(copy.named_parameters().size(), 4);
  for (const auto& each : copy.named_parameters()) {
    for (const auto& original : module.named_parameters()) {
      EXPECT_EQ(each.value.is_same(original.value), each.name == original.name);
    }
  }
}

TEST(ActivationSites, StandBeforeTheChosenLayersAlone) {
  const auto copy = with_activation_sites(two_layers(), {"fc2"});
  EXPECT_FALSE(site_of(copy, ""));
  EXPECT_FALSE(site_of(copy, "fc1"));
  EXPECT_FALSE(copy.attr("fc1").toModule().hasattr("activation_site"));
  const auto fc2 = watch(copy, "fc2");
  run(copy);
  EXPECT_EQ(fc2->size(), 1);
}

TEST(ActivationSites, MasksOfOneLayerLeaveOthersOfItsClassAlone) {
  const auto module = two_layers();
  const auto copy = with_activation_sites(module);
  site_of(copy, "fc1")->mask(whole(torch::tensor({0, 1, 1, 1})));
  const auto fc2 = watch(copy, "fc2");
  run(copy);
  const auto fc1 = module.attr("fc1").toModule();
  auto masked = input();
  masked.select(1, 0).zero_();
  EXPECT_TRUE(fc2->at(0).equal(torch::relu(run(fc1, masked))));
}

TEST(ActivationSites, SeeEveryCallInControlFlowAndOtherMethods) {
  ScriptModels models;
  const auto module = models.module(
      "Net",
      {{"even", models.linear(4, 4)}, {"odd", models.linear(4, 4)}},
      "def step(self, x, i: int):\n"
      "    if i % 2 == 0:\n"
      "        x = self.even.forward(x)\n"
      "    else:\n"
      "        x = self.odd.forward(x)\n"
      "    return x\n"
      "def forward(self, x):\n"
      "    for i in range(5):\n"
      "        x = self.step(x, i)\n"
      "    return x\n"
      "def predict(self, x):\n"
      "    return self.odd.forward(self.forward(x))\n");
  auto copy = with_activation_sites(module);
  const auto root = watch(copy, "");
  const auto even = watch(copy, "even");
  const auto odd = watch(copy, "odd");
  EXPECT_TRUE(run(copy).equal(run(module)));
  EXPECT_EQ(even->size(), 3);
  EXPECT_EQ(odd->size(), 2);
  copy.get_method("predict")({input()});
  EXPECT_EQ(even->size(), 6);
  EXPECT_EQ(odd->size(), 5);
  EXPECT_EQ(root->size(), 2);
}

TEST(ActivationSites, OtherInputsStay) {
  ScriptModels models;
  const auto scaled = models.module(
      "Scaled",
      {},
      "def forward(self, x, factor: float, y):\n"
      "    return x * factor + y\n");
  const auto module = models.module(
      "Net",
      {{"scaled", scaled}},
      "def forward(self, n: int, x):\n"
      "    return self.scaled.forward(x, 2. * n, x)\n");
  auto copy = with_activation_sites(module);
  const auto root = watch(copy, "");
  site_of(copy, "scaled")->mask(whole(torch::zeros({})));
  EXPECT_TRUE(copy.forward({3, input()}).toTensor().equal(input()));
  EXPECT_EQ(root->size(), 1);
}

TEST(ActivationSites, AModuleRegisteredTwiceIsOneLayer) {
  ScriptModels models;
  const auto linear = models.linear(4, 4);
  const auto module = models.module(
      "Net",
      {{"fc", linear}, {"alias", linear}},
      "def forward(self, x):\n"
      "    return self.alias.forward(self.fc.forward(x))\n");
  const auto copy = with_activation_sites(module, {"alias"});
  EXPECT_EQ(activation_layers(copy).size(), 2);
  const auto fc = watch(copy, "fc");
  EXPECT_TRUE(run(copy).equal(run(module)));
  EXPECT_EQ(fc->size(), 2);
  EXPECT_TRUE(copy.attr("fc").toObject() == copy.attr("alias").toObject());
}

/// Layers without forward, whose ops are in the root's graph.
Module inlined(const std::string& op) {
  ScriptModels models;
  auto norm = models.parameters(
      "Norm", {{"weight", torch::randn({4})}, {"bias", torch::randn({4})}});
  auto fc = models.parameters(
      "Linear",
      {{"weight", torch::randn({4, 4})}, {"bias", torch::randn({4})}});
  return models.module(
      "Net",
      {{"norm", norm}, {"fc", fc}},
      "def forward(self, x):\n"
      "    w = self.fc.weight\n"
      "    b = self.fc.bias\n"
      "    h = torch.relu(torch.layer_norm(x, [4], self.norm.weight, "
      "self.norm.bias))\n"
      "    return " +
          op + "\n");
}

class InlinedLayers : public ::testing::TestWithParam<const char*> {};

TEST_P(InlinedLayers, HaveTheirSiteBeforeTheOpThatTakesTheirWeight) {
  const auto module = inlined(GetParam());
  const auto copy = with_activation_sites(module, {"norm", "fc"});
  const auto norm = watch(copy, "norm");
  const auto fc = watch(copy, "fc");
  EXPECT_TRUE(run(copy).equal(run(module)));
  ASSERT_EQ(norm->size(), 1);
  ASSERT_EQ(fc->size(), 1);
  EXPECT_TRUE(norm->at(0).equal(input()));
  EXPECT_GE(fc->at(0).min().item<float>(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Ops,
    InlinedLayers,
    ::testing::Values(
        "torch.linear(h, w, b)",
        "torch.addmm(b, h, w.t())",
        "torch.mm(h, torch.t(w)) + b",
        "torch.matmul(h, w.t().contiguous())",
        "torch.matmul(w, h.t())",
        "torch.conv1d(h.t().unsqueeze(0), w.unsqueeze(2), b)",
        "torch.group_norm(h, 2, b)",
        "torch.prelu(h, b)"));

TEST(ActivationSites, SayWhyALayerHasNone) {
  ScriptModels models;
  const auto list = models.module(
      "Listed", {}, "def forward(self, x: List[Tensor]):\n    return x[0]\n");
  const auto module = models.module(
      "Net",
      {{"listed", list},
       {"unused", models.linear(4, 4)},
       {"table", models.parameters("T", {{"weight", torch::randn({4, 4})}})}},
      "def forward(self, x):\n"
      "    return self.listed.forward([x, torch.relu(self.table.weight)])\n");
  EXPECT_EQ(
      why_no_site(module, ""),
      "call `with_activation_sites` first, and use the module it returns");
  EXPECT_EQ(
      why_no_site(module, "listed"),
      "the first input of its forward is not a tensor");
  EXPECT_EQ(why_no_site(module, "unused"), "its forward is never called");
  EXPECT_EQ(
      why_no_site(module, "table"),
      "it has no forward, and no op of the graph uses its weight");
  EXPECT_EQ(why_no_site(with_activation_sites(module), ""), "");
  EXPECT_EQ(
      message_of([&] {
        with_activation_sites(module, {"", "unused"});
      }),
      "no activation site is possible for `unused`: its forward is never "
      "called");
  EXPECT_EQ(
      message_of([&] { with_activation_sites(module, {"un*"}); }),
      "no activation site is possible for `unused`, the first that matches "
      "`un*`: its forward is never called");
}

TEST(ActivationSites, AGlobThatMatchesNothingIsRefused) {
  EXPECT_EQ(
      message_of([] {
        with_activation_sites(two_layers(), {"fc1", "fc3"});
      }),
      "no layer matches `fc3`; the nearest is `fc1`");
  auto module = two_layers();
  module.eval();
  EXPECT_EQ(
      message_of(
          [&] { with_activation_sites(torch::jit::freeze(module), {"fc1"}); }),
      "no layer is named `fc1`: the module has no submodules (freezing removes "
      "them); its own input is reached as ``");
}

TEST(ActivationSites, AModuleChosenAtRunTimeIsRefused) {
  ScriptModels models;
  const auto module = models.module(
      "Net",
      {{"a", models.linear(4, 4)}, {"b", models.linear(4, 4)}},
      "def forward(self, x):\n"
      "    m = self.a\n"
      "    if x.size(0) > 1:\n"
      "        m = self.b\n"
      "    return m.forward(x)\n");
  run(module);
  EXPECT_THAT(
      message_of([&] { with_activation_sites(module); }),
      HasSubstr("method `forward` chooses between submodules at run time"));
}

TEST(ActivationSites, AreSavedWithTheirMasks) {
  const auto copy = with_activation_sites(two_layers());
  site_of(copy, "fc2")->mask(whole(torch::tensor({0, 1, 0, 1})));
  const auto masked = run(copy);
  const auto again = reloaded(copy);
  EXPECT_TRUE(run(again).equal(masked));
  EXPECT_EQ(site_of(again, "fc2")->masks().size(), 1);
  EXPECT_EQ(site_of(again, "fc2")->layer_fqn(), "fc2");
  EXPECT_TRUE(site_of(again, "fc1")->is_empty());
}

TEST(ActivationSites, OutliveFreezing) {
  torch::manual_seed(1); // Otherwise a relu may hide the mask.
  auto copy = with_activation_sites(two_layers());
  copy.eval();
  const auto frozen = torch::jit::freeze(copy); // Sites become its constants.
  const auto fc2 = watch(copy, "fc2");
  const auto expected = run(copy);
  EXPECT_TRUE(run(frozen).equal(expected));
  EXPECT_TRUE(run(frozen).equal(expected));
  EXPECT_EQ(fc2->size(), 3);
  site_of(copy, "fc2")->mask(whole(torch::tensor({0, 1, 0, 1})));
  const auto plain = without_activation_sites(frozen);
  EXPECT_TRUE(run(plain).equal(run(frozen)));
  EXPECT_FALSE(run(plain).equal(expected));
  EXPECT_THAT(graph_of(plain), Not(HasSubstr("coppice")));
  EXPECT_TRUE(run(reloaded(frozen)).equal(run(frozen)));
}

TEST(ActivationSites, StayWhereTheyAreWhenOthersAreAdded) {
  const auto first = with_activation_sites(two_layers(), {"fc1"});
  site_of(first, "fc1")->mask(whole(torch::tensor({0, 1, 0, 1})));
  const auto both = with_activation_sites(first);
  const auto fc1 = watch(both, "fc1");
  EXPECT_TRUE(run(both).equal(run(first)));
  EXPECT_EQ(fc1->size(), 1);
  site_of(both, "fc1")->mask(whole(torch::zeros({})));
  EXPECT_EQ(site_of(first, "fc1")->masks().size(), 1);
}

TEST(ActivationSites, DescribeTheLayers) {
  const auto module = two_layers();
  const auto layers = activation_layers(module);
  ASSERT_EQ(layers.size(), 3);
  EXPECT_EQ(layers[0].description, "Net()");
  EXPECT_EQ(layers[1].description, "Linear(bias=[4], weight=[4, 4])");
  EXPECT_EQ(layers[1].identity, module.attr("fc1").toObject().get());
  EXPECT_NE(layers[1].identity, layers[2].identity);
}

} // namespace
} // namespace coppice::activation_sites_test
