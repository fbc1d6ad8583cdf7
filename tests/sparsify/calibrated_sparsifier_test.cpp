// What all sparsifiers that watch inputs do alike, by the example of one.

#include "coppice/sparsify/calibrated_sparsifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <memory>
#include <sstream>

#include "coppice/schedule/cubic_sl.h"
#include "coppice/sparsify/saved_state.h"
#include "coppice/sparsify/sparsegpt_sparsifier.h"
#include "coppice/sparsify/wanda_sparsifier.h"
#include "sparsify/calibrated_nets.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace coppice::calibrated_sparsifier_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using ::testing::Not;
using torch::Tensor;

const std::vector<TensorConfig> kBoth = {{"conv.weight"}, {"fc.weight"}};

double zeros_of(const Tensor& tensor) {
  return tensor.eq(0).to(torch::kDouble).mean().item<double>();
}

class WatchedForms : public ::testing::TestWithParam<testing::WatchedForm> {
 protected:
  const Tensor images_ = testing::calibration_images(50);
  testing::WatchedNet net_ = GetParam().net();
};

TEST_P(WatchedForms, AreSolvedByWhatEntersTheirLayers) {
  const auto conv = net_.view.at("conv.weight").detach().clone();
  const auto fc = net_.view.at("fc.weight").detach().clone();
  SparseGPTSparsifier sparsifier(
      SparseGPTSparsifierOptions().sparsity_level(0.6));
  sparsifier.prepare(net_.view, kBoth);
  for (const auto& batch : images_.split(17)) {
    net_.forward(batch);
  }
  EXPECT_EQ(sparsifier.input_rows("conv.weight"), 50 * 9);
  EXPECT_EQ(sparsifier.input_rows("fc.weight"), 50);
  EXPECT_TRUE(net_.view.at("fc.weight").equal(fc));
  sparsifier.step();

  const auto moments =
      testing::moments_by_hand(images_, SecondMoments::Kind::Full);
  const auto solve = [](const Tensor& weight, const SecondMoments& own) {
    return solve_sparsegpt(weight, own, Selection().sparsity(0.6));
  };
  const auto right_conv = solve_groups(conv, moments.conv, solve);
  const auto right_fc = solve_groups(fc, moments.fc, solve);
  EXPECT_TRUE(sparsifier.mask("conv.weight").equal(right_conv.mask));
  EXPECT_TRUE(sparsifier.mask("fc.weight").equal(right_fc.mask));
  EXPECT_TRUE(net_.view.at("conv.weight").equal(right_conv.weight));
  EXPECT_TRUE(net_.view.at("fc.weight").equal(right_fc.weight));
}

TEST_P(WatchedForms, AreNotWatchedOnceSquashed) {
  WandaSparsifier sparsifier;
  sparsifier.prepare(net_.view, kBoth);
  net_.forward(images_);
  sparsifier.step();
  sparsifier.squash_mask();
  net_.forward(images_);
  EXPECT_NEAR(zeros_of(net_.view.at("fc.weight")), 0.5, 0.01);
  EXPECT_THAT(
      message_of([&] { sparsifier.input_rows("fc.weight"); }),
      HasSubstr("`fc.weight` is watched"));
  EXPECT_THAT(message_of([&] { sparsifier.step(); }), HasSubstr("squashed"));
}

TEST_P(WatchedForms, GoOnFromAStateSavedInTheMiddle) {
  const auto step = [&](const testing::WatchedNet& net, auto& sparsifier) {
    net.forward(images_.slice(0, 21));
    sparsifier.step();
    return net.view.at("conv.weight").detach().clone();
  };
  SparseGPTSparsifier first;
  first.prepare(net_.view, kBoth);
  net_.forward(images_.slice(0, 0, 21));
  const TemporaryFolder folder;
  save_state(first.state_dict(), folder.file("state"));
  const auto uninterrupted = step(net_, first);

  const auto other = GetParam().net();
  SparseGPTSparsifier second;
  second.prepare(other.view, kBoth);
  second.load_state_dict(load_sparsifier_state(folder.file("state")));
  EXPECT_EQ(second.input_rows("fc.weight"), 21);
  EXPECT_TRUE(step(other, second).equal(uninterrupted));
  EXPECT_TRUE(other.view.at("fc.weight").equal(net_.view.at("fc.weight")));
}

INSTANTIATE_TEST_SUITE_P(
    Forms,
    WatchedForms,
    ::testing::ValuesIn(testing::kWatchedForms),
    [](const auto& info) { return std::string(info.param.name); });

TEST(CalibratedSparsifier, NamesAllThatNeverRanAndChangesNothing) {
  auto net = testing::seeded_calibrated_net();
  SparseGPTSparsifier sparsifier;
  sparsifier.prepare(*net, kBoth);
  const auto before = net->conv->weight.detach().clone();
  const auto message = message_of([&] { sparsifier.step(); });
  EXPECT_THAT(message, HasSubstr("`conv.weight`, `fc.weight`"));
  EXPECT_EQ(message.find('\n'), std::string::npos);
  net->conv(testing::calibration_images(3));
  EXPECT_THAT(
      message_of([&] { sparsifier.step(); }),
      HasSubstr("entered the layer of `fc.weight`"));
  EXPECT_TRUE(net->conv->weight.equal(before));
  EXPECT_TRUE(sparsifier.mask("conv.weight").all().item<bool>());
  sparsifier.enable_mask_update(false);
  sparsifier.step();
}

TEST(CalibratedSparsifier, SaysThatSamplesHeldNanAndChangesNothing) {
  auto net = testing::seeded_calibrated_net();
  WandaSparsifier sparsifier;
  sparsifier.prepare(*net, kBoth);
  auto images = testing::calibration_images(3);
  images[1][0][2][2] = NAN;
  const auto before = net->conv->weight.detach().clone();
  net->forward(images);
  EXPECT_THAT(message_of([&] { sparsifier.step(); }), HasSubstr("NaN"));
  EXPECT_TRUE(net->conv->weight.equal(before));
}

TEST(CalibratedSparsifier, TakesTheLinearLayersByItself) {
  auto net = testing::seeded_calibrated_net();
  WandaSparsifier sparsifier;
  sparsifier.prepare(*net);
  ASSERT_EQ(sparsifier.groups().size(), 1U);
  net->forward(testing::calibration_images(3));
  sparsifier.step();
  EXPECT_NEAR(zeros_of(net->fc->weight), 0.5, 0.01);
}

TEST(CalibratedSparsifier, KeepsHalfTypes) {
  for (const auto dtype : {torch::kBFloat16, torch::kDouble}) {
    auto net = testing::seeded_calibrated_net();
    net->to(dtype);
    SparseGPTSparsifier sparsifier;
    sparsifier.prepare(*net, kBoth);
    net->forward(testing::calibration_images(40).to(dtype));
    sparsifier.step();
    EXPECT_EQ(net->fc->weight.scalar_type(), dtype);
    EXPECT_NEAR(zeros_of(net->fc->weight), 0.5, 0.01);
    EXPECT_TRUE(sparsifier.mask("fc.weight").equal(net->fc->weight.ne(0)));
  }
}

TEST(CalibratedSparsifier, IsDrivenByASchedule) {
  auto net = testing::seeded_calibrated_net();
  SparseGPTSparsifier sparsifier(
      SparseGPTSparsifierOptions().sparsity_level(0.0));
  sparsifier.prepare(*net, {{"fc.weight"}});
  CubicSL schedule(
      sparsifier, CubicSLOptions().sparsity_level(0.8).total_steps(4));
  net->forward(testing::calibration_images(60));
  double before = -1;
  for (int i = 0; i < 5; ++i) {
    sparsifier.step();
    schedule.step();
    const auto zeros = zeros_of(net->fc->weight);
    EXPECT_GT(zeros, before);
    before = zeros;
  }
  EXPECT_NEAR(before, 0.8, 0.01);
}

TEST(CalibratedSparsifier, WatchesAllLayersOfATiedWeight) {
  struct TiedImpl : torch::nn::Module {
    TiedImpl() {
      register_module("a", a);
      register_module("b", b);
      b->weight = b->register_parameter("tied", a->weight);
    }
    coppice::nn::Hooked<torch::nn::Linear> a{4, 4};
    coppice::nn::Hooked<torch::nn::Linear> b{4, 4};
  };
  TiedImpl net;
  WandaSparsifier sparsifier;
  sparsifier.prepare(net, {{"a.weight"}});
  net.a(torch::ones({3, 4}));
  net.b(torch::ones({2, 4}));
  EXPECT_EQ(sparsifier.input_rows("a.weight"), 5);
}

TEST(CalibratedSparsifier, TakesWeightsThatAreStoredTheOtherWay) {
  for (const int64_t features : {4, 6}) {
    torch::manual_seed(2);
    torch::jit::Module layer("Turned");
    const auto weight = torch::randn({features, 4});
    layer.register_parameter("weight", weight.clone(), false);
    layer.define(
        "def forward(self, x: Tensor):\n  return torch.matmul(x, self.weight)"
        "\n");
    const auto x = torch::randn({30, features});
    auto script = with_activation_sites(layer);
    SparseGPTSparsifier sparsifier;
    sparsifier.prepare(script, {{"weight"}});
    script.forward({x});
    sparsifier.step();
    SecondMoments moments(features);
    moments.add(x);
    const auto right = solve_sparsegpt(weight.t(), moments, Selection());
    EXPECT_TRUE(sparsifier.mask("weight").equal(right.mask.t()));
    EXPECT_TRUE(layer.attr("weight").toTensor().equal(right.weight.t()));
  }
}

TEST(CalibratedSparsifier, AddsUpInInferenceModeToo) {
  auto net = testing::seeded_calibrated_net();
  SparseGPTSparsifier sparsifier;
  sparsifier.prepare(*net, kBoth);
  const auto images = testing::calibration_images(30);
  {
    const c10::InferenceMode inference;
    net->forward(images.slice(0, 0, 20).clone());
  }
  net->forward(images.slice(0, 20));
  sparsifier.step();
  EXPECT_EQ(sparsifier.input_rows("fc.weight"), 30);
}

TEST(CalibratedSparsifier, RefusesLayersThatCannotBeWatched) {
  const auto prepare = [](const ModelView& model, const std::string& tensor) {
    return message_of([&] {
      WandaSparsifier sparsifier;
      sparsifier.prepare(model, {{tensor}});
    });
  };
  const torch::nn::Sequential plain(torch::nn::Linear(3, 2));
  EXPECT_THAT(
      prepare(*plain, "0.weight"),
      HasSubstr("`0` cannot be seen: it is not a"));
  EXPECT_THAT(prepare(*plain, "0.weigth"), HasSubstr("`0.weight`"));
  const torch::nn::Sequential others(
      coppice::nn::Hooked<torch::nn::Embedding>(3, 2),
      coppice::nn::Hooked<torch::nn::Conv2d>(
          torch::nn::Conv2dOptions(2, 2, 3).padding(1).padding_mode(
              torch::kReflect)));
  EXPECT_THAT(
      prepare(*others, "0.weight"), HasSubstr("Linear, Conv1d and Conv2d"));
  EXPECT_THAT(prepare(*others, "1.weight"), HasSubstr("other than zeros"));
  EXPECT_THAT(
      prepare({{{"w", torch::ones({2, 3})}}}, "w"), HasSubstr("does not run"));

  auto script = trace(torch::nn::Linear(3, 2), torch::ones({1, 3}));
  EXPECT_THAT(
      prepare(script, "weight"), HasSubstr("call `with_activation_sites`"));
  torch::jit::Module changes("Changes");
  changes.register_parameter("weight", torch::ones({2, 3}), false);
  changes.define(
      "def forward(self, x: Tensor):\n  return torch.linear(torch.relu(x), "
      "self.weight)\n");
  EXPECT_THAT(
      prepare(with_activation_sites(changes), "weight"),
      HasSubstr("does not come straight"));
}

TEST(CalibratedSparsifier, RefusesAStateOfOtherLayersAndChangesNothing) {
  auto net = testing::seeded_calibrated_net();
  SparseGPTSparsifier sparsifier;
  sparsifier.prepare(*net, kBoth);
  net->forward(testing::calibration_images(3));
  auto state = sparsifier.state_dict();
  state.state.at("fc.weight")["second_moments"] = torch::zeros({1, 7, 7});
  EXPECT_THAT(
      message_of([&] { sparsifier.load_state_dict(state); }),
      HasSubstr("of 1 group of 54 inputs"));
  EXPECT_EQ(sparsifier.input_rows("fc.weight"), 3);
  WandaSparsifier other;
  other.prepare(*testing::seeded_calibrated_net(), kBoth);
  EXPECT_THAT(
      message_of([&] { other.load_state_dict(sparsifier.state_dict()); }),
      HasSubstr("second_moments"));
}

TEST(CalibratedSparsifier, IsPrintedLikeTheOthers) {
  auto net = testing::seeded_calibrated_net();
  SparseGPTSparsifier sparsifier(SparseGPTSparsifierOptions().block_size(64));
  sparsifier.prepare(*net, {{"fc.weight"}});
  std::ostringstream text;
  text << sparsifier;
  EXPECT_THAT(text.str(), HasSubstr("SparseGPTSparsifier (\n\tGroup 0"));
  EXPECT_THAT(text.str(), HasSubstr("block_size: 64"));
  EXPECT_THAT(text.str(), HasSubstr("sparse_block_shape: (1, 1)"));
  EXPECT_THAT(text.str(), Not(HasSubstr("second_moments")));
}

} // namespace
} // namespace coppice::calibrated_sparsifier_test
