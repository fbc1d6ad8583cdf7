#include "coppice/model/model_view.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "coppice/model/hooked.h"
#include "support/errors.h"
#include "support/models.h"

namespace coppice::model_view_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::SimpleLinear;

// docs/reference.md 7.4, test_fqn_to_module_for_tensors: every parameter
// resolves.
TEST(ModelView, FindsEveryParameterAndBuffer) {
  torch::nn::Sequential model(
      torch::nn::Conv2d(3, 8, 3), torch::nn::BatchNorm2d(8));
  const ModelView view(*model);
  for (const auto& parameter : model->named_parameters()) {
    EXPECT_TRUE(view.at(parameter.key()).is_same(parameter.value()));
  }
  for (const auto& buffer : model->named_buffers()) {
    EXPECT_TRUE(view.at(buffer.key()).is_same(buffer.value()));
  }
  EXPECT_EQ(view.tensors().size(), 7u);
  EXPECT_TRUE(view.tensors().front().is_parameter);
  EXPECT_FALSE(view.tensors().back().is_parameter);
}

TEST(ModelView, TellsOfWhichModuleItIsAView) {
  SimpleLinear model;
  EXPECT_EQ(ModelView(model).module(), &model);
  EXPECT_EQ(ModelView(model).script(), nullptr);
  const torch::jit::Module script("Empty");
  const ModelView view(script);
  ASSERT_NE(view.script(), nullptr);
  EXPECT_EQ(view.script()->_ivalue(), script._ivalue());
  EXPECT_EQ(view.module(), nullptr);
}

// docs/reference.md 7.4, test_fqn_to_module_fail.
TEST(ModelView, NamesTheNearestTensorWhenThereIsNone) {
  SimpleLinear model;
  EXPECT_THAT(
      message_of([&] { ModelView(model).at("seq.0.wieght"); }),
      HasSubstr(
          "no tensor `seq.0.wieght`; the nearest name is `seq.0.weight`"));
}

// docs/reference.md 1.2, `auto_config_order` of golden/layout.json.
TEST(ModelView, ChoosesLinearLayersInTheReferencesOrder) {
  torch::nn::ModuleList model(
      torch::nn::Linear(4, 3),
      torch::nn::ModuleList(
          torch::nn::Linear(3, 3), torch::nn::ReLU(), torch::nn::Linear(3, 3)),
      torch::nn::Linear(3, 2));
  EXPECT_THAT(
      ModelView(*model).default_tensor_fqns(),
      ElementsAre("0.weight", "2.weight", "1.0.weight", "1.2.weight"));
}

TEST(ModelView, NeverChoosesTheRootOrASubclass) {
  torch::nn::Linear root(4, 3);
  EXPECT_TRUE(ModelView(*root).default_tensor_fqns().empty());

  struct MyLinearImpl : torch::nn::LinearImpl {
    MyLinearImpl() : LinearImpl(4, 3) {}
  };
  torch::nn::Sequential model(std::make_shared<MyLinearImpl>());
  EXPECT_TRUE(ModelView(*model).default_tensor_fqns().empty());
}

TEST(ModelView, ChoosesHookedLinearLayersToo) {
  torch::nn::Sequential model(nn::Hooked<torch::nn::Linear>(4, 3));
  EXPECT_THAT(ModelView(*model).default_tensor_fqns(), ElementsAre("0.weight"));
}

TEST(ModelView, ListsASharedTensorOnceAndFindsItUnderEveryName) {
  auto linear = testing::linear_without_bias(4, 4);
  struct Tied : torch::nn::Module {
    explicit Tied(torch::nn::Linear linear) {
      register_module("encoder", linear);
      register_module("decoder", linear);
    }
  };
  Tied model(linear);
  const ModelView view(model);
  EXPECT_EQ(view.tensors().size(), 1u);
  EXPECT_TRUE(view.at("decoder.weight").is_same(view.at("encoder.weight")));
}

TEST(ModelView, ReadsATorchScriptModule) {
  torch::jit::Module linear("__torch__.torch.nn.modules.linear.Linear");
  linear.register_parameter("weight", torch::ones({3, 4}), false);
  torch::jit::Module model("__torch__.Net");
  model.register_module("fc1", linear);
  model.register_buffer("scale", torch::ones({1}));

  const ModelView view(model);
  EXPECT_THAT(view.tensor_fqns(), ElementsAre("fc1.weight", "scale"));
  EXPECT_THAT(view.default_tensor_fqns(), ElementsAre("fc1.weight"));
  view.at("fc1.weight").zero_();
  EXPECT_EQ(linear.attr("weight").toTensor().sum().item<float>(), 0);
}

TEST(ModelView, ReadsAPlainTable) {
  const ModelView view(
      {{"a", torch::ones({2, 2})},
       {"b", torch::ones({2})},
       {"c", torch::ones({2, 2}, torch::kLong)}});
  EXPECT_THAT(view.tensor_fqns(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(view.default_tensor_fqns(), ElementsAre("a"));
  EXPECT_THAT(
      message_of([] {
        ModelView({{"a", torch::ones({1})}, {"a", torch::ones({1})}});
      }),
      HasSubstr("two tensors named `a`"));
}

} // namespace
} // namespace coppice::model_view_test
