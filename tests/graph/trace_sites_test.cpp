#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <sstream>

#include "coppice/core/activation_site.h"
#include "coppice/graph/activation_sites.h"
#include "coppice/graph/trace.h"
#include "support/warnings.h"

namespace coppice::trace_sites_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A linear layer with a site before it.
struct SiteLinear : torch::nn::LinearImpl, HasActivationSite {
  using LinearImpl::LinearImpl;

  torch::Tensor forward(const torch::Tensor& x) {
    return LinearImpl::forward(site->pass(x));
  }
  const c10::intrusive_ptr<ActivationSite>& activation_site() const override {
    return site;
  }
  c10::intrusive_ptr<ActivationSite> site =
      c10::make_intrusive<ActivationSite>("fc");
};

/// The activation also bypasses the layer.
struct Residual : torch::nn::Module {
  torch::Tensor forward(const torch::Tensor& x) {
    const auto h = torch::relu(x);
    return h + fc->forward(h);
  }
  std::shared_ptr<SiteLinear> fc =
      register_module("fc", std::make_shared<SiteLinear>(4, 4));
};

std::string graph_of(const torch::jit::Module& script) {
  return script.get_method("forward").graph()->toString();
}

ActivationMask half_mask() {
  return {{torch::tensor({1.F, 0.F, 1.F, 0.F})}, false, {}, 0};
}

TEST(TraceSites, AreLeftOutAndTheirMasksAreOrdinaryOps) {
  Residual model;
  int calls = 0;
  model.fc->site->observe([&](const torch::Tensor&) { ++calls; });
  model.fc->site->mask(half_mask());
  const auto x = torch::rand({2, 4});
  auto script = trace(model, x, TraceOptions().check_inputs(x * 2));
  EXPECT_EQ(calls, 0);
  EXPECT_THAT(graph_of(script), Not(HasSubstr("activation_site")));
  std::stringstream file;
  script.save(file);
  EXPECT_TRUE(
      torch::jit::load(file).forward({x}).toTensor().equal(model.forward(x)));
  EXPECT_EQ(calls, 1);
}

TEST(TraceSites, AreKeptOnRequestAndSharedWithTheModel) {
  Residual model;
  const auto x = torch::rand({2, 4});
  auto script = trace(model, x, TraceOptions().activation_sites(true));
  EXPECT_THAT(graph_of(script), HasSubstr("= coppice::activation_site(%"));
  const auto layers = activation_layers(script);
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_EQ(layers[1].fqn, "fc");
  EXPECT_EQ(layers[1].site, model.fc->site);

  // Attached later; holds for both. The bypass stays.
  EXPECT_TRUE(script.forward({x}).toTensor().equal(model.forward(x)));
  std::vector<torch::Tensor> seen;
  model.fc->site->observe(
      [&](const torch::Tensor& passing) { seen.push_back(passing); });
  model.fc->site->mask(half_mask());
  const auto output = script.forward({x}).toTensor();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_TRUE(seen[0].equal(torch::relu(x)));
  EXPECT_TRUE(output.equal(model.forward(x)));

  std::stringstream file;
  script.save(file);
  EXPECT_TRUE(torch::jit::load(file).forward({x}).toTensor().equal(output));
}

TEST(TraceSites, TracesWhatIsMaskedAlreadyAsOneNode) {
  Residual model;
  model.fc->site->mask(half_mask());
  model.fc->site->mask({{torch::zeros({1})}, true, {0}, 1});
  int calls = 0;
  model.fc->site->observe([&](const torch::Tensor&) { ++calls; });
  const auto x = torch::rand({2, 4});
  torch::jit::Module script;
  EXPECT_EQ(
      testing::warnings_of([&] {
        script = trace(
            model,
            x,
            TraceOptions().activation_sites(true).check_inputs(
                torch::rand({3, 4})));
      }),
      "");
  EXPECT_EQ(calls, 0) << "observers see neither tracing nor checking";
  EXPECT_THAT(graph_of(script), Not(HasSubstr("aten::mul")));
  EXPECT_TRUE(script.forward({x}).toTensor().equal(model.forward(x)));
  EXPECT_EQ(calls, 2);
  auto plain = without_activation_sites(script);
  EXPECT_TRUE(plain.forward({x}).toTensor().equal(model.forward(x)));
}

TEST(TraceSites, LetGradientsThroughATrace) {
  Residual model;
  model.fc->site->mask(half_mask());
  auto script =
      trace(model, torch::rand({2, 4}), TraceOptions().activation_sites(true));
  const auto x = torch::rand({2, 4}).requires_grad_();
  script.forward({x}).toTensor().sum().backward();
  const auto gradient = x.grad().clone();
  x.mutable_grad().reset();
  model.forward(x).sum().backward();
  EXPECT_TRUE(gradient.equal(x.grad()));
}

} // namespace
} // namespace coppice::trace_sites_test
