#include "oneshot/prune_with_samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <cmath>
#include <limits>

#include "calibration/sample_choice.h"
#include "coppice/model/torch_tensors.h"
#include "oneshot/solve_layer.h"
#include "support/errors.h"
#include "support/script_models.h"
#include "support/temporary_folder.h"
#include "support/threads.h"

namespace coppice::prune_with_samples_test {
namespace {

using namespace coppice::oneshot; // NOLINT(google-build-using-namespace)
using coppice::testing::message_of;
using coppice::testing::script_net;
using ::testing::DoubleNear;
using ::testing::HasSubstr;

Recipe recipe_of(PruneMethod method, double level = 0.5) {
  PruneModifier modifier;
  modifier.method = method;
  modifier.pattern = {level, {1, 1}, 1};
  return {modifier};
}

/// A model in a file, and its samples.
class PruneWithSamples : public ::testing::Test {
 protected:
  PruneWithSamples() {
    options_.batch = 1000;
  }

  void save(const torch::jit::Module& module) {
    module.save(in_);
  }

  SampledReport prune(std::vector<c10::IValue> inputs, const Recipe& recipe) {
    const auto checkpoint = open_checkpoint(in_);
    return prune_with_samples(
        checkpoint,
        [this] { return torch::jit::load(in_); },
        std::move(inputs),
        recipe,
        out_,
        options_);
  }

  static torch::Tensor tensor_in(
      const std::string& file,
      const std::string& name) {
    const auto checkpoint = open_checkpoint(file);
    return as_tensor(*checkpoint.state.find(name)).clone();
  }

  /// The samples used for calibration.
  static torch::Tensor calibrating(const torch::Tensor& x) {
    return x.index_select(
        0,
        torch::tensor(
            calibration::choose_samples(x.size(0), x.size(0), 0, false)
                .calibration,
            torch::kLong));
  }

  static SecondMoments moments_of(const torch::Tensor& x) {
    SecondMoments moments(x.size(-1));
    moments.add(x);
    return moments;
  }

  TemporaryFolder folder_;
  std::string in_ = folder_.file("in.pt");
  std::string out_ = folder_.file("out.pt");
  SampledOptions options_;
};

TEST_F(PruneWithSamples, SolvesEveryLayerByWhatEntersIt) {
  auto net = script_net();
  save(net);
  const auto x = torch::randn({64, 6});
  const auto w1 = net.attr("fc1").toModule().attr("weight").toTensor();
  const auto w2 = net.attr("fc2").toModule().attr("weight").toTensor();
  const auto hidden = calibrating(x).mm(w1.t()).relu();
  for (const auto method :
       {PruneMethod::Magnitude,
        PruneMethod::Wanda,
        PruneMethod::SparseGPT,
        PruneMethod::ALPS}) {
    const auto recipe = recipe_of(method);
    const auto report = prune({x}, recipe);
    EXPECT_TRUE(
        tensor_in(out_, "fc1.weight")
            .equal(solve_layer(w1, {moments_of(calibrating(x))}, {}, recipe[0])
                       .weight))
        << method_name(method);
    EXPECT_TRUE(
        tensor_in(out_, "fc2.weight")
            .allclose(
                solve_layer(w2, {moments_of(hidden)}, {}, recipe[0]).weight,
                1e-4,
                1e-5))
        << method_name(method);
    EXPECT_TRUE(report.pruned.reached);
    EXPECT_EQ(report.work.samples, 56);
    EXPECT_EQ(report.change.samples, 8);
    EXPECT_GT(report.change.relative_error, 0);
  }
}

TEST_F(PruneWithSamples, TellsTheErrorOfEachLayer) {
  auto net = script_net();
  save(net);
  const auto x = torch::randn({64, 6});
  const auto w1 = net.attr("fc1").toModule().attr("weight").toTensor();
  const auto report = prune({x}, recipe_of(PruneMethod::ALPS));
  const auto seen = calibrating(x);
  const auto before = seen.mm(w1.t());
  const auto after = seen.mm(tensor_in(out_, "fc1.weight").t());
  EXPECT_THAT(
      report.tensors[0]->error.value(),
      DoubleNear(
          ((after - before).square().sum() / before.square().sum())
              .item<double>(),
          1e-5));
  EXPECT_EQ(report.tensors[0]->dampening, 0.01);
}

TEST_F(PruneWithSamples, GivesTheSameMasksInAnyBatchesAndOnAnyThreads) {
  save(script_net());
  const auto x = torch::randn({203, 6});
  prune({x}, recipe_of(PruneMethod::ALPS));
  const auto mask = tensor_in(out_, "fc2.weight").ne(0);
  for (const int64_t batch : {1, 7, 64}) {
    options_.batch = batch;
    for (const int threads : {1, 2}) {
      const testing::Threads some(threads);
      prune({x}, recipe_of(PruneMethod::ALPS));
      EXPECT_TRUE(tensor_in(out_, "fc2.weight").ne(0).equal(mask)) << batch;
    }
  }
}

TEST_F(PruneWithSamples, MakesLaterLayersUpForEarlierOnes) {
  auto net = script_net();
  save(net);
  const auto x = torch::randn({256, 6});
  options_.sequential = true;
  const auto recipe = recipe_of(PruneMethod::SparseGPT, 0.5);
  prune({x}, recipe);
  const auto w1 = net.attr("fc1").toModule().attr("weight").toTensor();
  const auto w2 = net.attr("fc2").toModule().attr("weight").toTensor();
  const auto seen = calibrating(x);
  const auto before = seen.mm(w1.t()).relu();
  const auto now = seen.mm(tensor_in(out_, "fc1.weight").t()).relu();
  const auto target =
      dense_output_target(w2, moments_of(now), cross_moments(now, before));
  const auto wanted = solve_layer(target, {moments_of(now)}, {}, recipe[0]);
  EXPECT_TRUE(
      tensor_in(out_, "fc2.weight").allclose(wanted.weight, 1e-3, 1e-4));
}

TEST_F(PruneWithSamples, TakesConvolutionsInGroups) {
  torch::jit::Module net("Net");
  net.register_parameter("two", torch::randn({6, 2, 3, 2}), false);
  net.register_parameter("one", torch::randn({4, 6, 3}), false);
  net.define(R"(
def forward(self, x):
  y = torch.conv2d(x, self.two, None, [2, 1], [1, 0], [1, 2], 2)
  return torch.conv1d(torch.relu(y).flatten(2), self.one, None, [1], "same")
)");
  save(net);
  const auto x = torch::randn({24, 4, 9, 8});
  const auto recipe = recipe_of(PruneMethod::ALPS);
  prune({x}, recipe);
  const auto options = PatchOptions()
                           .kernel({3, 2})
                           .stride({2, 1})
                           .padding({1, 0})
                           .dilation({1, 2})
                           .groups(2);
  auto moments = patch_moments(2, options);
  add_patches(moments, calibrating(x), options);
  const auto two = net.attr("two").toTensor();
  EXPECT_TRUE(
      tensor_in(out_, "two")
          .allclose(
              solve_layer(two, moments, {}, recipe[0]).weight, 1e-4, 1e-5));
  const auto y =
      torch::conv2d(calibrating(x), two, {}, {2, 1}, {1, 0}, {1, 2}, 2)
          .relu()
          .flatten(2)
          .unsqueeze(2);
  const auto along = PatchOptions().kernel({1, 3}).padding({0, 1});
  auto flat = patch_moments(6, along);
  add_patches(flat, y, along);
  const auto one = net.attr("one").toTensor().unsqueeze(2);
  EXPECT_TRUE(
      tensor_in(out_, "one")
          .ne(0)
          .equal(solve_layer(one, flat, {}, recipe[0]).mask.squeeze(2)));
}

TEST_F(PruneWithSamples, TakesWeightsStoredInputsFirstAndInParts) {
  torch::jit::Module net("Net");
  net.register_parameter("turned", torch::randn({8, 12}), false);
  net.register_parameter("parts", torch::randn({6, 12}), false);
  net.define(R"(
def forward(self, x):
  y = torch.addmm(torch.zeros([12]), x, self.turned)
  a = torch.linear(y, self.parts[:2])
  return torch.cat([a, torch.linear(torch.relu(y), self.parts[2:])], 1)
)");
  save(net);
  const auto x = torch::randn({64, 8});
  auto recipe = recipe_of(PruneMethod::ALPS);
  recipe[0].pattern = {1, {1, 4}, 2};
  prune({x}, recipe);
  const auto turned = net.attr("turned").toTensor();
  const auto wanted = solve_layer(
      turned.t().contiguous(), {moments_of(calibrating(x))}, {}, recipe[0]);
  EXPECT_TRUE(
      tensor_in(out_, "turned").t().allclose(wanted.weight, 1e-4, 1e-5));
  const auto y = calibrating(x).mm(turned).relu();
  const auto rest = net.attr("parts").toTensor().slice(0, 2);
  EXPECT_TRUE(
      tensor_in(out_, "parts")
          .slice(0, 2)
          .ne(0)
          .equal(solve_layer(rest, {moments_of(y)}, {}, recipe[0]).mask));
}

TEST_F(PruneWithSamples, StepsThroughTheWeightsOfAnLstm) {
  torch::jit::Module net("Net");
  net.register_parameter("w_ih", torch::randn({16, 5}), false);
  net.register_parameter("w_hh", torch::randn({16, 4}), false);
  net.define(R"(
def forward(self, x):
  h = torch.zeros([1, x.size(0), 4])
  return torch.lstm(x, [h, h], [self.w_ih, self.w_hh], False, 1, 0.0, False, False, True)[0]
)");
  save(net);
  const auto x = torch::randn({40, 7, 5});
  const auto recipe = recipe_of(PruneMethod::SparseGPT);
  prune({x}, recipe);
  const auto wanted = solve_layer(
      net.attr("w_ih").toTensor(), {moments_of(calibrating(x))}, {}, recipe[0]);
  EXPECT_TRUE(tensor_in(out_, "w_ih").ne(0).equal(wanted.mask));
  EXPECT_EQ(tensor_in(out_, "w_hh").eq(0).sum().item<int64_t>(), 32);
}

TEST_F(PruneWithSamples, LeavesWhatSamplesDoNotTellOf) {
  torch::jit::Module net("Net");
  net.register_parameter("used", torch::randn({8, 6}), false);
  net.register_parameter("idle", torch::randn({8, 6}), false);
  net.register_parameter("doubled", torch::randn({8, 6}), false);
  net.register_parameter("cube", torch::randn({2, 1, 1, 1, 1}), false);
  net.define(R"(
def forward(self, x):
  if x.size(1) == 5:
    x = torch.linear(x, self.idle)
  y = torch.linear(x, self.used) + torch.linear(x, self.doubled * 2)
  return torch.conv3d(y.reshape([-1, 1, 2, 2, 2]), self.cube)
)");
  save(net);
  const auto report =
      prune({torch::randn({16, 6})}, recipe_of(PruneMethod::Wanda));
  std::map<std::string, std::string> reasons;
  for (const auto& each : report.pruned.tensors) {
    reasons[each.name] = each.left_because;
  }
  EXPECT_EQ(reasons["used"], "");
  EXPECT_THAT(reasons["idle"], HasSubstr("never ran"));
  EXPECT_THAT(reasons["doubled"], HasSubstr("computed from it"));
  EXPECT_THAT(reasons["cube"], HasSubstr("conv3d"));
  for (const char* name : {"idle", "doubled", "cube"}) {
    EXPECT_TRUE(tensor_in(out_, name).equal(tensor_in(in_, name))) << name;
  }
}

TEST_F(PruneWithSamples, ReestimatesNorms) {
  torch::jit::Module net("Net");
  net.register_parameter("weight", torch::randn({8, 6}), false);
  net.register_buffer("running_mean", torch::zeros({8}));
  net.register_buffer("running_var", torch::ones({8}));
  net.define(R"(
def forward(self, x):
  return torch.batch_norm(torch.linear(x, self.weight), None, None, self.running_mean, self.running_var, False, 0.1, 1e-5, False)
)");
  save(net);
  const auto x = torch::randn({64, 6}) + 2;
  options_.recalibrate_norms = true;
  options_.batch = 9;
  const auto report = prune({x}, recipe_of(PruneMethod::ALPS));
  EXPECT_EQ(report.norms.size(), 2U);
  const auto y = calibrating(x).mm(tensor_in(out_, "weight").t());
  EXPECT_TRUE(tensor_in(out_, "running_mean").allclose(y.mean(0), 1e-4, 1e-4));
  EXPECT_TRUE(tensor_in(out_, "running_var").allclose(y.var(0), 1e-3, 1e-4));
}

TEST_F(PruneWithSamples, CollectsInSeveralPassesWhereMemoryIsShort) {
  save(script_net());
  const auto x = torch::randn({64, 6});
  const auto recipe = recipe_of(PruneMethod::ALPS);
  EXPECT_EQ(prune({x}, recipe).work.passes, 1);
  const auto whole = tensor_in(out_, "fc2.weight");
  options_.memory = 1;
  EXPECT_EQ(prune({x}, recipe).work.passes, 2);
  EXPECT_TRUE(tensor_in(out_, "fc2.weight").equal(whole));
}

TEST_F(PruneWithSamples, CountsWhatItTellsOfLabels) {
  save(script_net());
  const auto x = torch::randn({80, 6});
  auto net = torch::jit::load(in_);
  options_.labels = net.forward({x}).toTensor().argmax(1);
  const auto change = prune({x}, recipe_of(PruneMethod::ALPS)).change;
  EXPECT_EQ(change.accuracy_before, 1);
  EXPECT_EQ(change.accuracy_after, change.agreement);
  options_.labels = options_.labels.slice(0, 1);
  EXPECT_THAT(
      message_of([&] { prune({x}, recipe_of(PruneMethod::ALPS)); }),
      HasSubstr("expected 80"));
}

TEST_F(PruneWithSamples, SaysWhatIsWrongWithSamples) {
  save(script_net());
  const auto complaint = [&](const torch::Tensor& x) {
    return message_of([&] { prune({x}, recipe_of(PruneMethod::ALPS)); });
  };
  auto bad = torch::randn({16, 6});
  bad[3][2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(complaint(bad), HasSubstr("NaN or infinity in sample 3"));
  EXPECT_THAT(complaint(torch::randn({0, 6})), HasSubstr("no samples"));
  EXPECT_THAT(complaint(torch::randn({16, 5})), HasSubstr("the model fails"));
  EXPECT_THAT(
      complaint(torch::ones({16, 6}, torch::kLong)), HasSubstr("float32"));
  auto recipe = recipe_of(PruneMethod::ALPS);
  recipe[0].pattern = {0.5, {1, 4}, 2};
  EXPECT_THAT(
      message_of([&] {
        prune({torch::randn({16, 6})}, recipe);
      }),
      HasSubstr("ALPS has no pattern"));
}

} // namespace
} // namespace coppice::prune_with_samples_test
