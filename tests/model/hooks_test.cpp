// Hooks and site of a `Hooked` module and of its clones.
#include <gmock/gmock.h>
#include <torch/torch.h>

#include <atomic>
#include <thread>

#include "coppice/model/hooked.h"
#include "support/errors.h"

namespace coppice::nn::hooks_test {
namespace {

using ::testing::ElementsAre;
using torch::Tensor;
using torch::nn::BilinearImpl;
using torch::nn::IdentityImpl;
using torch::nn::LinearImpl;

using HookedIdentity = Hooked<torch::nn::Identity>;

float value(const Tensor& tensor) {
  return tensor.sum().item<float>();
}

TEST(ForwardPreHook, ChangesTheInput) {
  HookedIdentity identity;
  const auto x = torch::ones({2, 2});
  IdentityImpl* module = nullptr;
  auto handle = identity->register_forward_pre_hook(
      [&](IdentityImpl& self, Tensor& input) {
        module = &self;
        input = input * 3;
      });
  EXPECT_EQ(value(identity(x)), 12);
  EXPECT_EQ(value(identity->forward(x)), 12);
  EXPECT_EQ(value(x), 4);
  EXPECT_EQ(module, identity.get());
  handle.remove();
  EXPECT_EQ(value(identity(x)), 4);
}

TEST(ForwardPreHook, SeesAndChangesEveryInput) {
  Hooked<torch::nn::Bilinear> bilinear(1, 1, 1);
  torch::nn::init::ones_(bilinear->weight);
  torch::nn::init::zeros_(bilinear->bias);
  const auto two = torch::full({1, 1}, 2.F);
  const auto three = torch::full({1, 1}, 3.F);
  bilinear->register_forward_pre_hook(
      [](BilinearImpl&, const Tensor& first, Tensor& second) {
        second = second + first;
      });
  EXPECT_EQ(value(bilinear(two, three)), 10);
  // The site masks the first and keeps the second.
  bilinear->activation_site()->mask({{torch::zeros({1})}, false, {}, 0});
  Tensor seen_first;
  Tensor seen_second;
  bilinear->register_forward_hook(
      [&](BilinearImpl&, const Tensor& first, const Tensor& second, Tensor&) {
        seen_first = first;
        seen_second = second;
      });
  EXPECT_EQ(value(bilinear(two, three)), 0);
  EXPECT_EQ(value(seen_first), 0);
  EXPECT_EQ(value(seen_second), 5);
}

TEST(ForwardHook, ReplacesTheOutput) {
  Hooked<torch::nn::LSTM> lstm(2, 3);
  auto handle = lstm->register_forward_hook([](torch::nn::LSTMImpl&,
                                               const Tensor& input,
                                               const auto& state,
                                               auto& output) {
    EXPECT_FALSE(state.has_value());
    std::get<0>(output) = input;
  });
  const auto x = torch::randn({4, 1, 2});
  EXPECT_TRUE(std::get<0>(lstm(x)).is_same(x));
  handle.remove();
  EXPECT_EQ(std::get<0>(lstm(x)).size(2), 3);
}

/// By value: the hook sees the input, though the module took it.
TEST(ForwardHook, SeesAnInputThatTheModuleTook) {
  struct TakesImpl : torch::nn::Module {
    Tensor forward(Tensor x) {
      auto taken = std::move(x);
      return taken * 2;
    }
  };
  Hooked<TakesImpl> takes;
  float seen = 0;
  takes->register_forward_hook(
      [&](TakesImpl&, const Tensor& input, Tensor&) { seen = value(input); });
  takes(torch::ones({3}));
  EXPECT_EQ(seen, 3);
}

/// Arguments that cannot be copied or are mutable references reach the module
/// itself.
TEST(Hooks, PassReferencesAndMoveOnlyValuesOn) {
  struct OddImpl : torch::nn::Module {
    Tensor forward(
        const Tensor& x,
        int& calls,
        std::unique_ptr<float> factor,
        const std::unique_ptr<float>& shift) {
      ++calls;
      return x * *factor + *shift;
    }
  };
  Hooked<OddImpl> odd;
  const auto shift = std::make_unique<float>(1.F);
  int calls = 0;
  const auto run = [&] {
    return value(odd->forward(
        torch::ones({1}), calls, std::make_unique<float>(2.F), shift));
  };
  EXPECT_EQ(run(), 3);
  odd->register_forward_pre_hook(
      [](OddImpl&, Tensor&, int& calls, auto& factor, const auto&) {
        ++calls;
        *factor = 5;
      });
  EXPECT_EQ(run(), 6);
  EXPECT_EQ(calls, 3);
}

TEST(Hooks, RunInTheirOrderAroundTheSite) {
  HookedIdentity identity;
  std::vector<std::string> order;
  const auto pre = [&](std::string name) {
    return identity->register_forward_pre_hook(
        [&order, name](auto&, auto&) { order.push_back(name); });
  };
  const auto post = [&](std::string name) {
    return identity->register_forward_hook(
        [&order, name](auto&, auto&, auto&) { order.push_back(name); });
  };
  post("after 1");
  identity->activation_site()->observe(
      [&](const Tensor&) { order.emplace_back("site"); });
  auto first = pre("before 1");
  pre("before 2");
  post("after 2");
  pre("before 3");
  identity(torch::ones({1}));
  EXPECT_THAT(
      order,
      ElementsAre(
          "before 1", "before 2", "before 3", "site", "after 1", "after 2"));
  order.clear();
  first.remove();
  first.remove();
  identity(torch::ones({1}));
  EXPECT_THAT(
      order, ElementsAre("before 2", "before 3", "site", "after 1", "after 2"));
}

TEST(Hooks, MayRemoveThemselvesAndRegisterOthers) {
  HookedIdentity identity;
  RemovableHandle handle;
  int first = 0;
  int second = 0;
  handle = identity->register_forward_pre_hook([&](auto&, auto&) {
    ++first;
    handle.remove();
    identity->register_forward_pre_hook([&](auto&, auto&) { ++second; });
  });
  identity(torch::ones({1}));
  EXPECT_EQ(second, 0);
  identity(torch::ones({1}));
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
}

TEST(Hooks, GoWithTheirHandlesAndModules) {
  RemovableHandle handle;
  handle.remove();
  auto held = std::make_shared<int>(0);
  {
    HookedIdentity identity;
    handle =
        identity->register_forward_pre_hook([held](auto&, auto&) { ++*held; });
    auto copy = handle;
    copy.remove();
    identity(torch::ones({1}));
    EXPECT_EQ(*held, 0);
    EXPECT_EQ(held.use_count(), 1);
    handle =
        identity->register_forward_pre_hook([held](auto&, auto&) { ++*held; });
  }
  EXPECT_EQ(held.use_count(), 1);
  handle.remove();
}

TEST(Hooks, ErrorsLeaveForward) {
  HookedIdentity identity;
  auto handle = identity->register_forward_pre_hook(
      [](auto&, auto&) { throw std::runtime_error("no"); });
  EXPECT_THROW(identity(torch::ones({1})), std::runtime_error);
  handle.remove();
  EXPECT_EQ(value(identity(torch::ones({1}))), 1);
  EXPECT_THAT(
      testing::message_of([&] { identity->register_forward_hook(nullptr); }),
      ::testing::HasSubstr("is an empty function"));
}

TEST(Hooks, LetGradientsThrough) {
  Hooked<torch::nn::Linear> fc(2, 1);
  fc->register_forward_pre_hook(
      [](LinearImpl&, Tensor& input) { input = input * 2; });
  fc->activation_site()->mask({{torch::tensor({1.F, 0.F})}, false, {}, 0});
  fc->register_forward_hook(
      [](LinearImpl&, const Tensor&, Tensor& output) { output = output * 3; });
  const auto x = torch::ones({1, 2}).requires_grad_();
  fc(x).sum().backward();
  EXPECT_TRUE(fc->weight.grad().equal(torch::tensor({{6.F, 0.F}})));
  EXPECT_TRUE(
      x.grad().equal(fc->weight.detach() * torch::tensor({{6.F, 0.F}})));
}

TEST(Hooks, SkipASiteWhereNoTensorEnters) {
  HookedIdentity identity;
  identity->activation_site()->mask({{torch::zeros({1})}, false, {}, 0});
  EXPECT_FALSE(identity(Tensor()).defined());
}

TEST(Hooks, MayBeChangedWhileThreadsRunTheModule) {
  HookedIdentity identity;
  std::atomic<int> calls{0};
  identity->register_forward_hook([&](auto&, auto&, auto&) { ++calls; });
  const auto x = torch::ones({1});
  const auto run = [&] {
    for (int i = 0; i < 500; ++i) {
      identity(x);
    }
  };
  std::thread one(run);
  std::thread two(run);
  for (int i = 0; i < 200; ++i) {
    identity->register_forward_pre_hook([](auto&, auto&) {}).remove();
  }
  one.join();
  two.join();
  EXPECT_EQ(calls, 1000);
}

/// Counts by hook and masks by site, on a model of each kind of parent.
struct NetImpl : torch::nn::Cloneable<NetImpl> {
  NetImpl() {
    reset();
  }
  void reset() override {
    identity = register_module("identity", HookedIdentity());
    body = register_module(
        "body", torch::nn::Sequential(Hooked<torch::nn::Linear>(2, 2)));
  }
  Tensor forward(const Tensor& x) {
    return body->forward(identity(x));
  }
  HookedIdentity identity = nullptr;
  torch::nn::Sequential body = nullptr;
};
TORCH_MODULE(Net);

/// Holds a Net, for nested cloning.
struct OuterImpl : torch::nn::Cloneable<OuterImpl> {
  OuterImpl() {
    reset();
  }
  void reset() override {
    net = register_module("net", Net());
  }
  Tensor forward(const Tensor& x) {
    return net(x);
  }
  Net net = nullptr;
};

template <typename Impl>
std::shared_ptr<Impl> clone_of(const Impl& module) {
  return std::dynamic_pointer_cast<Impl>(module.clone());
}

TEST(HooksOfAClone, AreItsOwn) {
  Hooked<torch::nn::Linear> fc(2, 2);
  int calls = 0;
  auto handle = fc->register_forward_pre_hook([&](auto&, auto&) { ++calls; });
  fc->activation_site()->mask({{torch::zeros({2})}, false, {}, 0});
  const auto clone = clone_of(*fc);
  ASSERT_NE(clone, nullptr);
  handle.remove();
  const auto x = torch::ones({1, 2});
  EXPECT_TRUE(clone->forward(x)[0].equal(fc->bias));
  EXPECT_EQ(calls, 1);
  fc(x);
  EXPECT_EQ(calls, 1);
  // Parameters and site are its own as well.
  torch::nn::init::zeros_(clone->bias);
  EXPECT_NE(value(fc->bias.abs()), 0);
  clone->activation_site()->mask({{torch::ones({2})}, false, {}, 0});
  EXPECT_EQ(fc->activation_site()->masks().size(), 1U);
}

TEST(HooksOfAClone, AreThereInAClonedParent) {
  auto outer = std::make_shared<OuterImpl>();
  int calls = 0;
  outer->net->identity->register_forward_hook(
      [&](auto&, auto&, auto&) { ++calls; });
  outer->net->identity->activation_site()->mask(
      {{torch::tensor({1.F, 0.F})}, false, {}, 0});
  outer->net->body[0]
      ->as<Hooked<torch::nn::Linear>>()
      ->register_forward_pre_hook([&](auto&, auto&) { calls += 10; });
  const auto x = torch::ones({1, 2});
  const auto expected = outer->forward(x);
  // A clone of a clone of a clone, each outliving the previous one.
  for (int i = 2; i < 5; ++i) {
    outer = clone_of(*outer);
    EXPECT_TRUE(outer->forward(x).equal(expected));
    EXPECT_EQ(calls, 11 * i);
    EXPECT_EQ(outer->parameters().size(), 2U);
  }
}

TEST(HooksOfAClone, OfAnotherModelAreNotTouched) {
  Net one;
  Net other;
  int calls = 0;
  one->identity->register_forward_hook([&](auto&, auto&, auto&) { ++calls; });
  { const auto dropped = clone_of(*one->identity); }
  const auto clone = clone_of(*other);
  clone->forward(torch::ones({1, 2}));
  EXPECT_EQ(calls, 0);
  clone_of(*one)->forward(torch::ones({1, 2}));
  EXPECT_EQ(calls, 1);
}

TEST(HooksOfAClone, GiveWayToThoseThatResetRegisters) {
  struct CountingImpl : torch::nn::Cloneable<CountingImpl> {
    CountingImpl() {
      reset();
    }
    void reset() override {
      identity = register_module("identity", HookedIdentity());
      identity->register_forward_hook([this](auto&, auto&, auto&) { ++calls; });
    }
    HookedIdentity identity = nullptr;
    int calls = 0;
  };
  CountingImpl model;
  const auto clone = clone_of(model);
  clone->identity(torch::ones({1}));
  EXPECT_EQ(clone->calls, 1);
  EXPECT_EQ(model.calls, 0);
}

TEST(HooksOfAClone, AreThereInReplicasOfThreads) {
  Net net;
  std::atomic<int> calls{0};
  net->identity->register_forward_hook([&](auto&, auto&, auto&) { ++calls; });
  const auto run = [&] {
    for (int i = 0; i < 20; ++i) {
      const auto replica =
          std::dynamic_pointer_cast<NetImpl>(net->clone(torch::kCPU));
      replica->forward(torch::ones({1, 2}));
    }
  };
  std::thread one(run);
  std::thread two(run);
  one.join();
  two.join();
  EXPECT_EQ(calls, 40);
}

} // namespace
} // namespace coppice::nn::hooks_test
