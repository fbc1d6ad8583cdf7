// The reference's own test of its ActivationSparsifier (docs/reference.md 7.6),
// on one model in each of its forms.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "coppice/sparsify/activation_sparsifier.h"
#include "support/activation_nets.h"
#include "support/errors.h"

namespace coppice::activation_workflow_test {
namespace {

using testing::ActivationNet;
using ::testing::HasSubstr;
using testing::message_of;
using torch::Tensor;

const std::vector<std::string> kLayers = {
    "conv1",
    "linear1",
    "identity1",
    "identity2"};

ActivationOptions defaults() {
  return ActivationOptions()
      .aggregate_fn(aggregate_sum())
      .reduce_fn(reduce_mean())
      .mask_fn(mask_magnitude())
      .set("sparsity_level", 0.5);
}

void register_layers(ActivationSparsifier& sparsifier) {
  const auto level = [](double value) {
    return ActivationOptions().set("sparsity_level", value);
  };
  sparsifier.register_layer("conv1", level(0.3));
  sparsifier.register_layer(
      "linear1", level(0.1).features({0, 10, 234}).feature_dim(1));
  sparsifier.register_layer("identity1", level(0.3));
  sparsifier.register_layer(
      "identity2", level(0.1).features({0, 10, 20}).feature_dim(1));
}

std::vector<Tensor> batches() {
  torch::manual_seed(2);
  std::vector<Tensor> batches;
  for (int i = 0; i < 5; ++i) {
    batches.push_back(torch::randn({16, 1, 28, 28}));
  }
  return batches;
}

bool equal(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  return std::equal(
      a.begin(),
      a.end(),
      b.begin(),
      b.end(),
      [](const Tensor& one, const Tensor& other) { return one.equal(other); });
}

/// Whether a state loads into a new sparsifier of a new model unchanged.
void check_state(
    const ActivationSparsifier& sparsifier,
    const testing::NetForm& form) {
  const auto net = form.net();
  ActivationSparsifier loaded(net.layers);
  const auto state = sparsifier.state_dict();
  loaded.load_state_dict(state);
  EXPECT_EQ(
      loaded.defaults().sparse_config(), sparsifier.defaults().sparse_config());
  EXPECT_EQ(loaded.defaults().reduce_fn().name(), "mean");
  ASSERT_EQ(loaded.data_groups().size(), sparsifier.data_groups().size());
  for (size_t i = 0; i < kLayers.size(); ++i) {
    const auto& ours = loaded.data_groups()[i];
    const auto& theirs = sparsifier.data_groups()[i];
    EXPECT_EQ(ours.fqn(), theirs.fqn());
    EXPECT_EQ(ours.hook_state(), theirs.hook_state());
    EXPECT_EQ(ours.options().features(), theirs.options().features());
    EXPECT_EQ(ours.options().sparse_config(), theirs.options().sparse_config());
    EXPECT_TRUE(equal(ours.data(), theirs.data()));
    const auto mask = state.state.at(ours.fqn()).at("mask");
    EXPECT_EQ(ours.has_mask(), theirs.has_mask());
    EXPECT_EQ(mask.isNone(), !theirs.has_mask());
    if (theirs.has_mask()) {
      EXPECT_TRUE((mask.isTensor() ? mask : c10::IValue(mask.toListRef()[0]))
                      .toTensor()
                      .is_sparse());
      EXPECT_TRUE(equal(
          loaded.get_mask(ours.fqn()).masks,
          sparsifier.get_mask(ours.fqn()).masks));
    }
  }
}

class ActivationWorkflow : public ::testing::TestWithParam<testing::NetForm> {};

TEST_P(ActivationWorkflow, OfSection17_6) {
  const auto net = GetParam().net();
  ActivationSparsifier sparsifier(net.layers, defaults());
  EXPECT_FALSE(sparsifier.defaults().features());
  EXPECT_FALSE(sparsifier.defaults().feature_dim());

  register_layers(sparsifier);
  for (const auto& fqn : kLayers) {
    EXPECT_THAT(
        message_of([&] { sparsifier.get_mask(fqn); }),
        HasSubstr("nothing has entered layer `" + fqn + "` yet"));
  }
  check_state(sparsifier, GetParam());

  auto sum = torch::zeros({16, 1, 28, 28});
  for (const auto& batch : batches()) {
    net.forward(batch);
    sum += batch;
  }
  EXPECT_TRUE(sparsifier.data_groups()[0].data().at(0).equal(sum));
  check_state(sparsifier, GetParam());

  std::vector<std::vector<Tensor>> masks;
  for (const auto& group : sparsifier.data_groups()) {
    std::vector<Tensor> expected;
    for (const auto& data : group.data()) {
      expected.push_back(
          mask_magnitude()(data.mean(0), group.options().sparse_config()));
    }
    masks.push_back(std::move(expected));
  }
  sparsifier.step();
  for (size_t i = 0; i < kLayers.size(); ++i) {
    EXPECT_TRUE(equal(sparsifier.get_mask(kLayers[i]).masks, masks[i]));
    EXPECT_FALSE(sparsifier.data_groups()[i].has_data());
  }
  check_state(sparsifier, GetParam());

  std::map<std::string, Tensor> before;
  std::map<std::string, Tensor> after;
  const auto keep = [](Tensor& where) {
    return [&where](const Tensor& x) { where = x.clone(); };
  };
  for (const std::string fqn : {"identity1", "identity2"}) {
    net.at(fqn).observe(keep(before[fqn]));
  }
  sparsifier.squash_mask();
  for (const std::string fqn : {"identity1", "identity2"}) {
    net.at(fqn).observe(keep(after[fqn]));
  }
  net.forward(batches()[0]);
  const auto whole = sparsifier.get_mask("identity1").whole();
  EXPECT_TRUE(after["identity1"].equal(before["identity1"] * whole));
  const auto features = sparsifier.get_mask("identity2");
  for (int64_t i = 0; i < before["identity2"].size(1); ++i) {
    auto expected = before["identity2"].select(1, i);
    for (size_t k = 0; k < features.features.size(); ++k) {
      if (features.features[k] == i) {
        expected = expected * features.masks[k];
      }
    }
    EXPECT_TRUE(after["identity2"].select(1, i).equal(expected));
  }
  check_state(sparsifier, GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Forms,
    ActivationWorkflow,
    ::testing::ValuesIn(testing::kNetForms),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ActivationForms, GiveEqualMasksAndOutputs) {
  std::vector<std::vector<ActivationMask>> masks;
  std::vector<Tensor> outputs;
  for (const auto& form : testing::kNetForms) {
    const auto net = form.net();
    ActivationSparsifier sparsifier(net.layers, defaults());
    register_layers(sparsifier);
    for (const auto& batch : batches()) {
      net.forward(batch);
    }
    sparsifier.step();
    sparsifier.squash_mask();
    masks.emplace_back();
    for (const auto& fqn : kLayers) {
      masks.back().push_back(sparsifier.get_mask(fqn));
    }
    outputs.push_back(net.forward(batches()[0]));
  }
  for (size_t form = 1; form < masks.size(); ++form) {
    for (size_t i = 0; i < kLayers.size(); ++i) {
      EXPECT_TRUE(equal(masks[form][i].masks, masks[0][i].masks))
          << testing::kNetForms[form] << ' ' << kLayers[i];
    }
    EXPECT_TRUE(outputs[form].equal(outputs[0])) << testing::kNetForms[form];
  }
}

// Without names: by the layers themselves.
TEST(ActivationForms, LayersCanBeGivenThemselves) {
  auto net = testing::seeded_net();
  ActivationSparsifier sparsifier(*net, defaults());
  sparsifier.register_layer(*net->conv1);
  net(batches()[0]);
  sparsifier.step();
  EXPECT_TRUE(sparsifier.get_mask(*net->conv1)
                  .whole()
                  .equal(sparsifier.get_mask("conv1").whole()));
  EXPECT_THAT(
      message_of([&] { sparsifier.register_layer(*torch::nn::Linear(1, 1)); }),
      HasSubstr("the given layer is not in the model"));

  auto script = trace(
      net, torch::zeros({1, 1, 28, 28}), TraceOptions().activation_sites(true));
  ActivationSparsifier of_script(script, defaults());
  const auto layer = script.attr("linear1").toModule();
  of_script.register_layer(layer);
  script.forward({batches()[0]});
  of_script.step();
  EXPECT_EQ(of_script.get_mask(layer).whole().numel(), 4608);
  EXPECT_THAT(
      message_of([&] { of_script.register_layer("maxpool"); }),
      HasSubstr("the model has no layer `maxpool`"));
}

TEST(ActivationForms, ALayerWithoutASiteSaysWhatToDo) {
  torch::nn::Sequential plain(torch::nn::Linear(2, 2));
  ActivationSparsifier sparsifier(*plain, defaults());
  EXPECT_THAT(
      message_of([&] { sparsifier.register_layer("0"); }),
      HasSubstr("nothing can be attached to layer `0`: it is not a hooked "
                "layer"));
}

} // namespace
} // namespace coppice::activation_workflow_test
