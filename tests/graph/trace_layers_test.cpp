#include "coppice/graph/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <sstream>

#include "support/warnings.h"
#include "support/without_fusion.h"

// Every kind of layer: outputs are equal bit for bit, also for inputs of other
// sizes and after saving and loading.

namespace coppice::trace_layers_test {
namespace {

using Inputs = std::vector<c10::IValue>;

bool equal(const c10::IValue& a, const c10::IValue& b) {
  if (a.isTuple() && b.isTuple()) {
    const auto& x = a.toTupleRef().elements();
    const auto& y = b.toTupleRef().elements();
    return x.size() == y.size() &&
        std::equal(x.begin(), x.end(), y.begin(), equal);
  }
  const auto is_nothing = [](const c10::IValue& value) {
    return value.isNone() || !value.toTensor().defined();
  };
  if (is_nothing(a) || is_nothing(b)) {
    return is_nothing(a) == is_nothing(b);
  }
  return a.toTensor().scalar_type() == b.toTensor().scalar_type() &&
      a.toTensor().equal(b.toTensor());
}

/// Traces with the first two inputs and runs on all.
template <typename Model>
void expect_same(Model&& model, const std::vector<Inputs>& inputs) {
  const testing::WithoutFusion one_by_one;
  torch::jit::Module script;
  EXPECT_EQ(
      testing::warnings_of([&] {
        script = trace(
            model,
            inputs.at(0),
            TraceOptions().check_inputs(TraceInputs(inputs.at(1))));
      }),
      "");
  std::stringstream file;
  script.save(file);
  auto loaded = torch::jit::load(file);
  const auto forward = detail::forward_of(detail::module_of(model));
  for (const auto& each : inputs) {
    const auto expected = forward(each);
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(equal(script.forward(each), expected))
          << each[0].toTensor().sizes();
      EXPECT_TRUE(equal(loaded.forward(each), expected))
          << each[0].toTensor().sizes();
    }
  }
}

std::vector<Inputs> batches(std::vector<int64_t> rest) {
  std::vector<Inputs> inputs;
  for (const int64_t batch : {2, 3, 1, 7}) {
    auto sizes = rest;
    sizes.insert(sizes.begin(), batch);
    inputs.push_back({torch::rand(sizes)});
  }
  return inputs;
}

/// [time, batch, features], where the first two vary.
std::vector<Inputs> sequences(int64_t features) {
  return {
      {torch::rand({5, 2, features})},
      {torch::rand({11, 3, features})},
      {torch::rand({1, 1, features})},
      {torch::rand({4, 6, features})}};
}

TEST(TraceLayers, Sequential) {
  torch::nn::Sequential model(
      torch::nn::Linear(4, 8),
      torch::nn::ReLU(),
      torch::nn::Functional(torch::tanh),
      torch::nn::LayerNorm(torch::nn::LayerNormOptions({8})),
      torch::nn::Linear(8, 2));
  expect_same(model, batches({4}));
}

TEST(TraceLayers, SequentialThatEndsInATuple) {
  torch::nn::Sequential model(torch::nn::Linear(4, 8), torch::nn::LSTM(8, 3));
  expect_same(model, sequences(4));
}

struct Containers : torch::nn::Module {
  torch::Tensor forward(torch::Tensor x) {
    for (const auto& layer : *list) {
      x = torch::relu(layer->as<torch::nn::Linear>()->forward(x));
    }
    x = dict["last"]->as<torch::nn::Linear>()->forward(x);
    return x * parameters["scale"] + list_of_parameters[0];
  }
  torch::nn::ModuleList list{register_module(
      "list",
      torch::nn::ModuleList(torch::nn::Linear(4, 4), torch::nn::Linear(4, 4)))};
  torch::nn::ModuleDict dict{register_module(
      "dict",
      torch::nn::ModuleDict(
          std::vector<
              std::pair<std::string, std::shared_ptr<torch::nn::Module>>>{
              {"last", std::make_shared<torch::nn::LinearImpl>(4, 2)}}))};
  torch::nn::ParameterDict parameters{
      register_module("parameters", torch::nn::ParameterDict())};
  torch::nn::ParameterList list_of_parameters{
      register_module("list_of_parameters", torch::nn::ParameterList())};
  Containers() {
    parameters->insert("scale", torch::rand({2}));
    list_of_parameters->append(torch::rand({2}));
  }
};

TEST(TraceLayers, ModuleListModuleDictAndTheirKinForParameters) {
  Containers model;
  expect_same(model, batches({4}));
  const auto script = trace(model, torch::rand({2, 4}));
  std::vector<std::string> names;
  for (const auto& each : script.named_parameters()) {
    names.push_back(each.name);
  }
  EXPECT_EQ(names, model.named_parameters().keys());
}

TEST(TraceLayers, LstmWithItsOwnAndWithGivenState) {
  torch::nn::LSTM model(
      torch::nn::LSTMOptions(4, 3).num_layers(2).bidirectional(true));
  expect_same(model, sequences(4));
  std::vector<Inputs> inputs;
  for (const auto& each : sequences(4)) {
    const auto batch = each[0].toTensor().size(1);
    inputs.push_back(
        {each[0],
         std::make_tuple(
             torch::rand({4, batch, 3}), torch::rand({4, batch, 3}))});
  }
  expect_same(model, inputs);
}

struct LastStep : torch::nn::Module {
  torch::Tensor forward(const torch::Tensor& x) {
    const auto output = std::get<0>(gru(x));
    return fc(output.select(1, output.size(1) - 1));
  }
  torch::nn::GRU gru{register_module(
      "gru",
      torch::nn::GRU(torch::nn::GRUOptions(4, 3).batch_first(true)))};
  torch::nn::Linear fc{register_module("fc", torch::nn::Linear(3, 2))};
};

TEST(TraceLayers, Gru) {
  LastStep model;
  expect_same(model, sequences(4));
}

TEST(TraceLayers, RnnAndCells) {
  expect_same(torch::nn::RNN(4, 3), sequences(4));
  expect_same(torch::nn::LSTMCell(4, 3), batches({4}));
  expect_same(torch::nn::GRUCell(4, 3), batches({4}));
}

TEST(TraceLayers, MultiheadAttention) {
  torch::nn::MultiheadAttention model(8, 2);
  std::vector<Inputs> inputs;
  for (const auto& each : sequences(8)) {
    const auto& x = each[0].toTensor();
    const auto memory = torch::rand({x.size(0) + 4, x.size(1), 8});
    inputs.push_back({x, memory, memory});
  }
  expect_same(model, inputs);
}

struct SelfAttention : torch::nn::Module {
  torch::Tensor forward(const torch::Tensor& x) {
    return std::get<0>(attention(x, x, x)) + x;
  }
  torch::nn::MultiheadAttention attention{
      register_module("attention", torch::nn::MultiheadAttention(8, 4))};
};

TEST(TraceLayers, SelfAttention) {
  SelfAttention model;
  expect_same(model, sequences(8));
}

TEST(TraceLayers, Transformer) {
  torch::nn::TransformerEncoder model(
      torch::nn::TransformerEncoderLayer(
          torch::nn::TransformerEncoderLayerOptions(8, 2).dropout(0)),
      2);
  expect_same(model, sequences(8));
}

TEST(TraceLayers, BatchNorm) {
  torch::nn::Sequential model(
      torch::nn::Conv2d(3, 4, 3), torch::nn::BatchNorm2d(4));
  model->eval();
  expect_same(model, batches({3, 6, 6}));
  model->train();
  const auto x = torch::rand({4, 3, 6, 6});
  auto script = trace(model, x, TraceOptions().check_inputs(x.slice(0, 0, 2)));
  const auto bn =
      std::dynamic_pointer_cast<torch::nn::BatchNorm2dImpl>((*model)[1]);
  EXPECT_EQ(bn->num_batches_tracked.item<int64_t>(), 0);
  const auto output = script.forward({x}).toTensor();
  EXPECT_TRUE(output.equal(model->forward(x)));
  EXPECT_EQ(bn->num_batches_tracked.item<int64_t>(), 2);
  EXPECT_FALSE(bn->running_mean.equal(torch::zeros({4})));
}

/// The tensor operations of a trace, in order.
std::vector<std::string> ops_of(const torch::jit::Module& script) {
  std::vector<std::string> ops;
  for (const auto* node : script.get_method("forward").graph()->nodes()) {
    const std::string kind = node->kind().toQualString();
    if (kind.rfind("aten::", 0) == 0) {
      ops.push_back(kind);
    }
  }
  return ops;
}

// Some BLASes round a product with a bias differently from the product alone.
TEST(TraceLayers, RunTheOpsThatTheLayersRan) {
  torch::nn::Linear linear(4, 8);
  EXPECT_THAT(
      ops_of(trace(linear, torch::rand({2, 4}))),
      ::testing::ElementsAre("aten::linear")); // no more than an addmm
  EXPECT_THAT(
      ops_of(trace(linear, torch::rand({3, 2, 4}))),
      ::testing::ElementsAre("aten::t", "aten::matmul", "aten::add_"));
  const auto scaled = [&](const torch::Tensor& x) {
    return torch::addmm(linear->bias, x, linear->weight.t(), 2, 1);
  };
  EXPECT_THAT(
      ops_of(trace(linear, scaled, {torch::rand({2, 4})})),
      ::testing::ElementsAre("aten::t", "aten::addmm"));
}

TEST(TraceLayers, Embedding) {
  struct Bag : torch::nn::Module {
    torch::Tensor forward(const torch::Tensor& tokens) {
      return fc(embedding(tokens).mean(1));
    }
    torch::nn::Embedding embedding{
        register_module("embedding", torch::nn::Embedding(10, 4))};
    torch::nn::Linear fc{register_module("fc", torch::nn::Linear(4, 2))};
  } model;
  std::vector<Inputs> inputs;
  for (const int64_t batch : {2, 3, 1}) {
    inputs.push_back({torch::randint(10, {batch, batch + 4}, torch::kLong)});
  }
  expect_same(model, inputs);
}

struct ConvNet : torch::nn::Module {
  torch::Tensor forward(torch::Tensor x) {
    x = torch::max_pool2d(torch::relu(conv1(x)), 2);
    x = dropout(torch::nn::functional::gelu(conv2(x)));
    x = torch::nn::functional::interpolate(
        x,
        torch::nn::functional::InterpolateFuncOptions()
            .scale_factor(std::vector<double>{2, 2})
            .mode(torch::kNearest));
    x = torch::adaptive_avg_pool2d(x, {2, 2});
    return fc(x.view({x.size(0), -1})) * scale;
  }
  torch::nn::Conv2d conv1{register_module(
      "conv1",
      torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 4, 3).padding(1)))};
  torch::nn::Conv2d conv2{register_module(
      "conv2",
      torch::nn::Conv2d(torch::nn::Conv2dOptions(4, 4, 3).groups(2)))};
  torch::nn::Dropout2d dropout{
      register_module("dropout", torch::nn::Dropout2d(0.5))};
  torch::nn::Linear fc{register_module("fc", torch::nn::Linear(16, 5))};
  torch::Tensor scale{register_parameter("scale", torch::rand({5}))};
};

TEST(TraceLayers, ConvolutionsAndFunctions) {
  ConvNet model;
  model.eval(); // or dropout draws for each run
  expect_same(
      model,
      {{torch::rand({2, 3, 8, 12})},
       {torch::rand({3, 3, 16, 10})},
       {torch::rand({1, 3, 20, 14})}});
}

TEST(TraceLayers, Autoencoder) {
  torch::nn::Sequential model(
      torch::nn::Conv1d(torch::nn::Conv1dOptions(2, 4, 3).stride(2).padding(1)),
      torch::nn::BatchNorm1d(4),
      torch::nn::PReLU(),
      torch::nn::ConvTranspose1d(
          torch::nn::ConvTranspose1dOptions(4, 2, 4).stride(2).padding(1)),
      torch::nn::Softmax(1));
  model->eval();
  expect_same(model, {{torch::rand({2, 2, 8})}, {torch::rand({3, 2, 10})}});
}

} // namespace
} // namespace coppice::trace_layers_test
