#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "coppice/graph/activation_sites.h"
#include "graph/site_tests.h"

namespace coppice::without_activation_sites_test {
namespace {

using testing::graph_of;
using ::testing::HasSubstr;
using testing::input;
using ::testing::Not;
using testing::reloaded;
using testing::run;
using testing::site_of;
using testing::two_layers;
using testing::whole;
using torch::jit::Module;

TEST(WithoutActivationSites, IsTheModuleItWas) {
  const auto module = two_layers();
  const auto plain = without_activation_sites(with_activation_sites(module));
  EXPECT_TRUE(run(plain).equal(run(module)));
  EXPECT_THAT(graph_of(plain), Not(HasSubstr("coppice")));
  EXPECT_FALSE(plain.hasattr("activation_site"));
  EXPECT_FALSE(plain.attr("fc1").toModule().hasattr("activation_site"));
}

TEST(WithoutActivationSites, MasksAreOrdinaryConstants) {
  const auto copy = with_activation_sites(two_layers(), {"fc1", "fc2"});
  site_of(copy, "fc1")->mask(whole(torch::tensor({false, true, true, true})));
  site_of(copy, "fc1")
      ->mask(
          {{torch::tensor({0.5F}), torch::rand({3, 1}), torch::tensor(2)},
           true,
           {1, 1, 3},
           -1});
  site_of(copy, "fc2")->mask(whole(torch::rand({1, 4}, torch::kDouble)));
  const auto masked = run(copy);
  const auto plain = without_activation_sites(copy);
  EXPECT_TRUE(run(plain).equal(masked));
  EXPECT_TRUE(run(reloaded(plain)).equal(masked));
  auto in_double = plain.clone();
  auto sites_in_double = copy.clone();
  in_double.to(torch::kDouble);
  sites_in_double.to(torch::kDouble);
  const auto x = input().to(torch::kDouble);
  EXPECT_TRUE(run(in_double, x).equal(run(sites_in_double, x)));
  std::stringstream file;
  plain.save(file);
  EXPECT_THAT(file.str(), Not(HasSubstr("coppice")));
}

TEST(WithoutActivationSites, TheCallersTensorStaysAsItIs) {
  const auto copy = with_activation_sites(two_layers());
  site_of(copy, "")->mask({{torch::zeros({})}, true, {2}, 1});
  const auto plain = without_activation_sites(copy);
  const auto x = input();
  run(plain, x);
  EXPECT_TRUE(x.equal(input()));
}

TEST(WithoutActivationSites, AMaskThatDoesNotFitIsRefused) {
  const auto copy = with_activation_sites(two_layers());
  site_of(copy, "")->mask(whole(torch::ones({3, 4})));
  const auto plain = without_activation_sites(copy);
  EXPECT_NO_THROW(run(plain));
  EXPECT_THROW(run(plain, torch::ones({1, 4})), std::exception);
}

TEST(WithoutActivationSites, GradientsAreThoseOfTheSites) {
  auto copy = with_activation_sites(two_layers());
  site_of(copy, "fc1")->mask({{torch::tensor({0.5F})}, true, {0}, 1});
  site_of(copy, "fc2")->mask(whole(torch::tensor({0, 1, 0, 1})));
  auto plain = without_activation_sites(copy);
  const auto gradient = [](Module& module) {
    const auto x = input().requires_grad_();
    module.forward({x}).toTensor().sum().backward();
    return x.grad();
  };
  EXPECT_TRUE(gradient(plain).equal(gradient(copy)));
}

} // namespace
} // namespace coppice::without_activation_sites_test
