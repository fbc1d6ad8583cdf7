#include "coppice/sparse/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coppice/sparse/sparse_conv2d.h"
#include "coppice/sparse/sparse_linear.h"
#include "support/errors.h"
#include "support/models.h"
#include "support/packed.h"

namespace coppice::convert_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message_of;
using testing::SimpleLinear;
using torch::nn::Linear;
using torch::nn::Sequential;

/// A container as typed member: its content can be replaced.
struct Nested : torch::nn::Module {
  Nested() {
    register_module("body", body);
  }

  torch::Tensor forward(const torch::Tensor& x) {
    return body->forward(x);
  }

  Sequential body{
      torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 4, 3)),
      torch::nn::Conv2d(torch::nn::Conv2dOptions(4, 4, 3).groups(2)),
      torch::nn::Flatten(),
      Linear(16, 2)};
};

const ConvertMapping kMapping = sparse_mapping(PackedFormat::PatternPanels);

TEST(Convert, ReplacesLayersInContainersWhereverTheyAre) {
  Nested net;
  const auto x = testing::random({2, 3, 6, 6}, 3);
  const auto y = net.forward(x);
  EXPECT_THAT(convert(net, kMapping), ElementsAre("body.0", "body.3"));
  EXPECT_TRUE(net.forward(x).allclose(y, 1e-4, 1e-5));
  const auto children = net.body->named_children();
  EXPECT_NE(children["0"]->as<nn::SparseConv2dImpl>(), nullptr);
  EXPECT_NE(children["1"]->as<torch::nn::Conv2dImpl>(), nullptr);
  EXPECT_NE(children["3"]->as<nn::SparseLinearImpl>(), nullptr);
  EXPECT_NE(net.body->at<nn::SparseLinearImpl>(3).weight(), nullptr);
  EXPECT_THAT(convert(net, kMapping), IsEmpty());
}

TEST(Convert, ReplacesInListsAndDictionaries) {
  torch::nn::ModuleList list(Linear(4, 3));
  EXPECT_THAT(convert(*list, kMapping), ElementsAre("0"));
  EXPECT_NE(list[0]->as<nn::SparseLinearImpl>(), nullptr);
  torch::nn::ModuleDict dict;
  dict->update(
      torch::OrderedDict<std::string, std::shared_ptr<torch::nn::Module>>(
          {{"head", Linear(4, 3).ptr()}}));
  EXPECT_THAT(convert(*dict, kMapping), ElementsAre("head"));
  EXPECT_NE((*dict)["head"]->as<nn::SparseLinearImpl>(), nullptr);
  EXPECT_NE(
      dict->named_children()["head"]->as<nn::SparseLinearImpl>(), nullptr);
}

/// A module that looks its layer up by name.
struct ByName : torch::nn::Module {
  ByName() {
    register_module("fc", Linear(4, 3));
  }
};

TEST(Convert, ReplacesWhatNothingButTheRegistrationHolds) {
  ByName model;
  EXPECT_THAT(convert(model, kMapping), ElementsAre("fc"));
  EXPECT_NE(model.named_children()["fc"]->as<nn::SparseLinearImpl>(), nullptr);
}

TEST(Convert, RejectsATypedMemberAndChangesNothing) {
  SimpleLinear model;
  EXPECT_THAT(
      message_of([&] { convert(model, kMapping); }),
      AllOf(
          HasSubstr("`linear1` is a typed member"),
          HasSubstr("`trace` and `compile`")));
  EXPECT_NE(model.seq->ptr(0)->as<Linear>(), nullptr);
}

TEST(Convert, ReplacesOnlySelectedLayers) {
  SimpleLinear model;
  const auto x = testing::random({2, 7}, 3);
  const auto y = model.forward(x);
  EXPECT_THAT(
      convert(model, kMapping, {"seq.1", "seq.0"}),
      ElementsAre("seq.0", "seq.1"));
  EXPECT_THAT(convert(model, kMapping, {"seq.*"}), ElementsAre("seq.2"));
  EXPECT_TRUE(model.forward(x).allclose(y, 1e-4, 1e-5));
  EXPECT_THAT(
      message_of([&] { convert(model, kMapping, {"linear3"}); }),
      AllOf(HasSubstr("`linear3`"), HasSubstr("`linear1`")));
}

TEST(Convert, NeverReplacesTheRootItself) {
  Linear linear(4, 3);
  EXPECT_THAT(convert(*linear, kMapping), IsEmpty());
}

TEST(Convert, ReplacesASharedLayerByOne) {
  Linear shared(4, 4);
  Sequential net(shared, torch::nn::ReLU(), shared);
  EXPECT_THAT(convert(*net, kMapping), ElementsAre("0", "2"));
  EXPECT_EQ(net->ptr(0), net->ptr(2));
}

TEST(Convert, AsksTheMappingAndKeepsWhatItReturnsEmpty) {
  Sequential net(Linear(4, 3), Linear(3, 2));
  std::vector<std::string> asked;
  ConvertMapping mapping;
  mapping.add<torch::nn::LinearImpl>(
      [&](const std::string& fqn, torch::nn::LinearImpl& layer) {
        asked.push_back(fqn);
        return layer.options.in_features() == 3
            ? torch::nn::AnyModule(torch::nn::Identity())
            : torch::nn::AnyModule();
      });
  EXPECT_THAT(convert(*net, mapping), ElementsAre("1"));
  EXPECT_THAT(asked, ElementsAre("0", "1"));
}

TEST(Convert, KeepsTheModelWhenTheMappingFails) {
  Sequential net(Linear(4, 3), Linear(3, 2));
  ConvertMapping mapping;
  mapping.add<torch::nn::LinearImpl>(
      [&](const std::string& fqn, torch::nn::LinearImpl& layer) {
        TORCH_CHECK_VALUE(fqn == "0", "no");
        return torch::nn::AnyModule(
            nn::SparseLinear::from_dense(layer, PackedFormat::Dense));
      });
  message_of([&] { convert(*net, mapping); });
  EXPECT_NE(net->ptr(0)->as<Linear>(), nullptr);
}

} // namespace
} // namespace coppice::convert_test
