#include "model/activation_layers.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "coppice/model/hooked.h"
#include "support/errors.h"

namespace coppice::activation_layers_test {
namespace {

using nn::Hooked;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Net : torch::nn::Module {
  Net() {
    register_module("body", body);
    register_module("head", head);
    register_module("tied", head);
    // Names that LibTorch accepts.
    register_module("none", std::shared_ptr<torch::nn::ReLUImpl>());
  }

  torch::nn::Sequential body{
      Hooked<torch::nn::Linear>(4, 3),
      torch::nn::ReLU(),
      torch::nn::LSTM(3, 3)};
  Hooked<torch::nn::Linear> head{3, 2};
};

std::vector<std::string> fqns(const ActivationLayers& layers) {
  std::vector<std::string> fqns;
  for (const auto& layer : layers) {
    fqns.push_back(layer.fqn);
  }
  return fqns;
}

TEST(ActivationLayers, AreAllModulesInTheOrderOfTheModel) {
  const Net net; // Not in a shared pointer.
  const auto layers = activation_layers(net);
  EXPECT_THAT(
      fqns(layers),
      ElementsAre("", "body", "body.0", "body.1", "body.2", "head", "tied"));
  EXPECT_EQ(layers[0].identity, static_cast<const torch::nn::Module*>(&net));
  EXPECT_EQ(layers[2].identity, net.body->ptr(0).get());
  EXPECT_EQ(layers[5].identity, layers[6].identity);
  EXPECT_NE(layers[1].identity, layers[2].identity);
}

TEST(ActivationLayers, HaveTheSiteOfHookedLayers) {
  const Net net;
  const auto layers = activation_layers(net);
  ASSERT_NE(layers[5].site, nullptr);
  EXPECT_EQ(layers[5].site, net.head->activation_site());
  EXPECT_EQ(layers[5].site, layers[6].site);
  EXPECT_NE(layers[5].site, layers[2].site);
  EXPECT_EQ(layers[5].why_no_site, "");
}

TEST(ActivationLayers, SayWhyThereIsNoSite) {
  struct NoTensorImpl : torch::nn::Module {
    torch::Tensor forward(std::vector<torch::Tensor> all) {
      return all.at(0);
    }
  };
  const auto layers = activation_layers(Net());
  EXPECT_EQ(layers[3].site, nullptr);
  EXPECT_THAT(layers[3].why_no_site, HasSubstr("not a hooked layer"));
  EXPECT_THAT(layers[3].why_no_site, HasSubstr("coppice::nn::Hooked<"));
  Hooked<NoTensorImpl> odd;
  EXPECT_EQ(activation_layers(*odd)[0].site, nullptr);
  EXPECT_THAT(
      activation_layers(*odd)[0].why_no_site, HasSubstr("is not a tensor"));
}

TEST(ActivationLayers, DescribeTheModuleAlone) {
  const auto layers = activation_layers(Net());
  EXPECT_EQ(layers[1].description, "torch::nn::Sequential");
  EXPECT_EQ(
      layers[2].description,
      "torch::nn::Linear(in_features=4, out_features=3, bias=true)");
}

TEST(ActivationLayers, NameTheirSites) {
  Net net;
  activation_layers(net);
  net.head->activation_site()->mask({{torch::ones({7})}, false, {}, 0});
  EXPECT_THAT(
      testing::message_of([&] {
        net.head(torch::ones({2, 3}));
      }),
      HasSubstr("at the input of layer `head`"));
}

} // namespace
} // namespace coppice::activation_layers_test
