// A hooked module does what the original does. Hooks themselves are tested in
// hooks_test.cpp.
#include "coppice/model/hooked.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <sstream>
#include <tuple>

namespace coppice::nn::hooked_test {
namespace {

using torch::Tensor;

template <typename Module>
std::string printed(const Module& module) {
  std::ostringstream text;
  text << module;
  return text.str();
}

Tensor tensor_of(const Tensor& output) {
  return output;
}
template <typename... Rest>
Tensor tensor_of(const std::tuple<Tensor, Rest...>& output) {
  return std::get<0>(output);
}

/// Both have the same seed; forward, gradients, parameters and text are equal
/// bit for bit, without and with hooks.
template <typename Holder, typename... Inputs>
void expect_same(Holder plain, Hooked<Holder> hooked, Inputs... inputs) {
  const auto run = [&](auto& module) {
    module->zero_grad();
    torch::manual_seed(2);
    const auto output = tensor_of(module(inputs...));
    if (output.requires_grad()) {
      output.sin().sum().backward();
    }
    return output;
  };
  for (const bool with_hooks : {false, true}) {
    if (with_hooks) {
      hooked->register_forward_hook([](auto&, auto&&...) {});
    }
    EXPECT_TRUE(run(plain).equal(run(hooked)));
    const auto parameters = plain->named_parameters();
    const auto others = hooked->named_parameters();
    ASSERT_EQ(parameters.keys(), others.keys());
    for (const auto& parameter : parameters) {
      const auto& other = others[parameter.key()];
      EXPECT_TRUE(parameter->equal(other)) << parameter.key();
      EXPECT_TRUE(parameter->grad().equal(other.grad())) << parameter.key();
    }
    EXPECT_EQ(plain->named_buffers().keys(), hooked->named_buffers().keys());
    EXPECT_EQ(printed(plain), printed(hooked));
  }
}

template <typename Holder, typename Options>
Holder make(Options options) {
  torch::manual_seed(1);
  return Holder(options);
}

Tensor noise(at::IntArrayRef sizes) {
  torch::manual_seed(3);
  return torch::randn(sizes);
}

TEST(Hooked, DoesWhatLinearDoes) {
  const auto options = torch::nn::LinearOptions(4, 3).bias(false);
  expect_same(
      make<torch::nn::Linear>(options),
      make<Hooked<torch::nn::Linear>>(options),
      noise({2, 4}));
}

TEST(Hooked, DoesWhatConv2dDoes) {
  const auto options = torch::nn::Conv2dOptions(3, 4, 3).padding(1);
  expect_same(
      make<torch::nn::Conv2d>(options),
      make<Hooked<torch::nn::Conv2d>>(options),
      noise({2, 3, 5, 5}));
}

TEST(Hooked, DoesWhatModulesWithoutParametersDo) {
  expect_same(
      torch::nn::Identity(), Hooked<torch::nn::Identity>(), noise({2, 4}));
  expect_same(torch::nn::ReLU(), Hooked<torch::nn::ReLU>(), noise({2, 4}));
  expect_same(
      torch::nn::Dropout(0.5), Hooked<torch::nn::Dropout>(0.5), noise({2, 4}));
}

TEST(Hooked, DoesWhatBatchNormDoes) {
  torch::nn::BatchNorm2d plain(3);
  Hooked<torch::nn::BatchNorm2d> hooked(3);
  expect_same(plain, hooked, noise({2, 3, 4, 4}));
  EXPECT_TRUE(plain->running_mean.equal(hooked->running_mean));
  plain->eval();
  hooked->eval();
  EXPECT_FALSE(hooked->is_training());
  expect_same(plain, hooked, noise({2, 3, 4, 4}));
}

/// LibTorch 1.13 does not export their printing.
TEST(Hooked, PrintsNormalisationLayersAsTheOriginal) {
  const auto options =
      torch::nn::BatchNormOptions(7).eps(1e-4).momentum(c10::nullopt);
  EXPECT_EQ(
      printed(Hooked<torch::nn::BatchNorm1d>(options)),
      printed(torch::nn::BatchNorm1d(options)));
  EXPECT_EQ(
      printed(Hooked<torch::nn::BatchNorm3d>(7)),
      printed(torch::nn::BatchNorm3d(7)));
  const auto instance =
      torch::nn::InstanceNormOptions(7).affine(true).momentum(0.25);
  EXPECT_EQ(
      printed(Hooked<torch::nn::InstanceNorm1d>(instance)),
      printed(torch::nn::InstanceNorm1d(instance)));
  EXPECT_EQ(
      printed(Hooked<torch::nn::InstanceNorm2d>(7)),
      printed(torch::nn::InstanceNorm2d(7)));
  EXPECT_EQ(
      printed(Hooked<torch::nn::InstanceNorm3d>(7)),
      printed(torch::nn::InstanceNorm3d(7)));
}

TEST(Hooked, DoesWhatEmbeddingDoes) {
  const torch::nn::EmbeddingOptions options(5, 3);
  expect_same(
      make<torch::nn::Embedding>(options),
      make<Hooked<torch::nn::Embedding>>(options),
      torch::tensor({{0, 4}, {2, 2}}));
}

TEST(Hooked, DoesWhatRecurrentModulesDo) {
  const auto x = noise({5, 2, 4});
  const torch::nn::LSTMOptions lstm(4, 3);
  expect_same(
      make<torch::nn::LSTM>(lstm), make<Hooked<torch::nn::LSTM>>(lstm), x);
  expect_same(
      make<torch::nn::LSTM>(lstm),
      make<Hooked<torch::nn::LSTM>>(lstm),
      x,
      std::make_tuple(noise({1, 2, 3}), noise({1, 2, 3}).sin()));
  const torch::nn::GRUOptions gru(4, 3);
  expect_same(make<torch::nn::GRU>(gru), make<Hooked<torch::nn::GRU>>(gru), x);
  expect_same(
      make<torch::nn::GRU>(gru),
      make<Hooked<torch::nn::GRU>>(gru),
      x,
      noise({1, 2, 3}));
}

TEST(Hooked, DoesWhatMultiheadAttentionDoes) {
  const auto x = noise({5, 2, 4});
  const torch::nn::MultiheadAttentionOptions options(4, 2);
  const auto plain = make<torch::nn::MultiheadAttention>(options);
  const auto hooked = make<Hooked<torch::nn::MultiheadAttention>>(options);
  expect_same(plain, hooked, x, x.sin(), x.cos());
  // The defaults: weights, averaged over the heads.
  EXPECT_TRUE(
      std::get<1>(Hooked(hooked)->forward(x, x, x))
          .equal(std::get<1>(torch::nn::MultiheadAttention(plain)(x, x, x))));
}

/// A user's own, with parameters, a child and several inputs.
struct ScaledImpl : torch::nn::Cloneable<ScaledImpl> {
  explicit ScaledImpl(int64_t size) : size(size) {
    reset();
  }
  void reset() override {
    scale = register_parameter("scale", torch::ones({size}));
    fc = register_module("fc", Hooked<torch::nn::Linear>(size, size));
  }
  Tensor forward(Tensor x, const Tensor& shift, double factor) {
    return fc(x * scale) * factor + shift;
  }
  int64_t size;
  Tensor scale;
  Hooked<torch::nn::Linear> fc = nullptr;
};
TORCH_MODULE(Scaled);

TEST(Hooked, DoesWhatAModuleOfTheUsersDoes) {
  expect_same(
      make<Scaled>(4),
      make<Hooked<Scaled>>(4),
      noise({2, 4}),
      noise({4}).requires_grad_(),
      2.0);
}

TEST(Hooked, TakesAModulesClass) {
  struct Negate : torch::nn::Module {
    Tensor forward(const Tensor& x) const noexcept {
      return -x;
    }
  };
  Hooked<Negate> negate;
  EXPECT_EQ(negate(torch::ones({1})).item<float>(), -1);
  EXPECT_EQ(printed(negate), printed(Negate()));
  EXPECT_TRUE((std::is_same_v<
               Hooked<torch::nn::LinearImpl>::Impl,
               Hooked<torch::nn::Linear>::Impl>));
}

TEST(Hooked, PrintsTheSameOnceItsNameWasAskedFor) {
  Hooked<torch::nn::GRU> gru(4, 3);
  gru->name();
  EXPECT_EQ(printed(gru), printed(torch::nn::GRU(4, 3)));
  const auto clone = gru->clone();
  EXPECT_EQ(printed(*clone), printed(gru));
}

TEST(Hooked, IsTheOriginalToAs) {
  const std::shared_ptr<torch::nn::Module> module =
      Hooked<torch::nn::Linear>(4, 3).ptr();
  EXPECT_EQ(module->as<torch::nn::Linear>(), module.get());
  EXPECT_EQ(module->as<torch::nn::LinearImpl>()->options.in_features(), 4);
  EXPECT_EQ(module->as<Hooked<torch::nn::Linear>>(), module.get());
  EXPECT_EQ(module->as<torch::nn::ReLU>(), nullptr);
  // The original's holder accepts it too.
  const torch::nn::Linear holder(
      std::dynamic_pointer_cast<torch::nn::LinearImpl>(module));
  EXPECT_EQ(holder->weight.size(0), 3);
}

TEST(Hooked, MayBeEmpty) {
  Hooked<torch::nn::Linear> empty = nullptr;
  EXPECT_TRUE(empty.is_empty());
  EXPECT_THROW(empty->forward(torch::ones({1})), c10::Error);
  empty = Hooked<torch::nn::Linear>(4, 3);
  EXPECT_FALSE(empty.is_empty());
}

TEST(Hooked, StandsInSequentialWithItsDefaultArguments) {
  using Output = std::tuple<Tensor, std::tuple<Tensor, Tensor>>;
  Hooked<torch::nn::LSTM> lstm(4, 3);
  torch::nn::Sequential model({{"fc", Hooked<torch::nn::Linear>(4, 4)}});
  model->push_back("lstm", lstm);
  const auto x = noise({5, 2, 4});
  int calls = 0;
  lstm->register_forward_pre_hook([&](auto&, auto&&...) { ++calls; });
  const auto fc = model[0]->as<torch::nn::Linear>()->forward(x);
  EXPECT_TRUE(std::get<0>(model->forward<Output>(x))
                  .equal(std::get<0>(lstm->forward(fc))));
  EXPECT_EQ(calls, 2);
}

TEST(Hooked, StandsInListAndDict) {
  torch::nn::ModuleList list(
      Hooked<torch::nn::Linear>(4, 3), Hooked<torch::nn::ReLU>());
  EXPECT_EQ(list[0]->as<torch::nn::Linear>()->weight.size(1), 4);
  const torch::OrderedDict<std::string, std::shared_ptr<torch::nn::Module>>
      modules = {{"fc", Hooked<torch::nn::Linear>(4, 3).ptr()}};
  torch::nn::ModuleDict dict(modules);
  EXPECT_EQ(dict["fc"]->as<torch::nn::Linear>()->weight.size(1), 4);
}

TEST(Hooked, IsSavedAndLoadedAsTheOriginal) {
  const auto copy = [](auto& from, auto& to) {
    std::stringstream file;
    torch::save(from, file);
    torch::load(to, file);
  };
  Hooked<torch::nn::Linear> hooked(4, 3);
  torch::nn::Linear plain(4, 3);
  Hooked<torch::nn::Linear> back(4, 3);
  copy(hooked, plain);
  EXPECT_TRUE(plain->weight.equal(hooked->weight));
  copy(plain, back);
  EXPECT_TRUE(back->bias.equal(hooked->bias));
  // Also a clone, which has a mark in the table of its parameters.
  Hooked<torch::nn::Linear> clone(
      std::dynamic_pointer_cast<Hooked<torch::nn::Linear>::Impl>(
          hooked->clone()));
  torch::nn::init::zeros_(clone->weight);
  copy(clone, plain);
  EXPECT_EQ(plain->weight.abs().sum().item<float>(), 0);
  EXPECT_EQ(clone->named_parameters().keys(), plain->named_parameters().keys());
}

TEST(Hooked, ConvertsItsDtype) {
  Hooked<torch::nn::Linear> hooked(4, 3);
  hooked->to(torch::kDouble);
  EXPECT_EQ(hooked->weight.scalar_type(), torch::kDouble);
  EXPECT_EQ(
      hooked(torch::ones({1, 4}, torch::kDouble)).scalar_type(),
      torch::kDouble);
}

TEST(Hooked, TrainsAsTheOriginal) {
  torch::manual_seed(1);
  torch::nn::Sequential plain(
      torch::nn::Linear(4, 8), torch::nn::ReLU(), torch::nn::Linear(8, 2));
  torch::manual_seed(1);
  torch::nn::Sequential hooked(
      Hooked<torch::nn::Linear>(4, 8),
      Hooked<torch::nn::ReLU>(),
      Hooked<torch::nn::Linear>(8, 2));
  const auto train = [](torch::nn::Sequential& model) {
    torch::optim::Adam optimizer(model->parameters(), 0.1);
    const auto x = noise({16, 4});
    for (int i = 0; i < 10; ++i) {
      optimizer.zero_grad();
      model->forward(x).square().mean().backward();
      optimizer.step();
    }
    return model->forward(x);
  };
  EXPECT_TRUE(train(plain).equal(train(hooked)));
}

} // namespace
} // namespace coppice::nn::hooked_test
