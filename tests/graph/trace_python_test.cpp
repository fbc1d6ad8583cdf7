#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>

#include "coppice/graph/trace.h"
#include "support/reference_python.h"
#include "support/temporary_folder.h"

namespace coppice::trace_python_test {
namespace {

struct Net : torch::nn::Module {
  std::tuple<torch::Tensor, torch::Tensor> forward(
      const torch::Tensor& x,
      const torch::Tensor& tokens) {
    const auto image = norm(conv->forward(x)).flatten(1);
    const auto text = std::get<0>(lstm(embedding(tokens))).mean(0);
    return {fc->forward(torch::cat({image, text}, 1)) * scale, text + shift};
  }
  // Parameters, buffers and children in this order, as Python lists them.
  torch::nn::Conv2d conv{register_module("conv", torch::nn::Conv2d(1, 2, 3))};
  torch::Tensor shift{register_buffer("shift", torch::rand({5}))};
  torch::nn::BatchNorm2d norm{
      register_module("norm", torch::nn::BatchNorm2d(2))};
  torch::nn::Embedding embedding{
      register_module("embedding", torch::nn::Embedding(7, 4))};
  torch::nn::LSTM lstm{register_module("lstm", torch::nn::LSTM(4, 5))};
  torch::nn::Sequential fc{register_module(
      "fc",
      torch::nn::Sequential(
          torch::nn::Linear(torch::nn::LinearOptions(13, 3).bias(false)),
          torch::nn::ReLU()))};
  torch::Tensor scale{register_parameter("scale", torch::rand({3}))};
};

struct Twice : torch::nn::Module {
  Twice() {
    register_module("encoder", layer);
    register_module("decoder", layer);
    register_parameter("tied", layer->weight);
  }
  torch::Tensor forward(const torch::Tensor& x) {
    return layer(torch::relu(layer(x)));
  }
  torch::nn::Linear layer{4, 4};
};

class Pairs {
 public:
  void add(
      const torch::jit::Module& script,
      const std::vector<c10::IValue>& inputs,
      const c10::IValue& output) {
    const auto name = std::to_string(count_++);
    script.save(folder_.file(name + ".pt"));
    const auto bytes = torch::pickle_save(c10::ivalue::Tuple::create(
        {c10::ivalue::Tuple::create(inputs), output}));
    std::ofstream(folder_.file(name + ".record"), std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    arguments_ += " '" + folder_.file(name + ".pt") + "' '" +
        folder_.file(name + ".record") + "'";
  }
  std::string load() const {
    return run_reference("graph/load_traced.py", arguments_);
  }

 private:
  TemporaryFolder folder_;
  std::string arguments_;
  int count_ = 0;
};

TEST(TracePython, LoadsTracesWithTheNamesOfPythonsModels) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  Pairs pairs;
  auto inputs_of = [](int64_t batch, int64_t length) {
    return std::vector<c10::IValue>{
        torch::rand({batch, 1, 4, 4}),
        torch::randint(7, {length, batch}, torch::kLong)};
  };
  Net net;
  net.eval();
  const auto script = trace(
      net, inputs_of(2, 7), TraceOptions().check_inputs(inputs_of(3, 16)));
  const auto inputs = inputs_of(5, 6);
  pairs.add(
      script, inputs, net.forward(inputs[0].toTensor(), inputs[1].toTensor()));

  Twice twice;
  const auto x = torch::rand({2, 4});
  pairs.add(trace(twice, x), {x}, twice.forward(x));

  EXPECT_EQ(
      pairs.load(),
      "RecursiveScriptModule Net scale shift conv.weight conv.bias norm.weight "
      "norm.bias norm.running_mean norm.running_var norm.num_batches_tracked "
      "embedding.weight lstm.weight_ih_l0 lstm.weight_hh_l0 lstm.bias_ih_l0 "
      "lstm.bias_hh_l0 fc.0.weight\n"
      "RecursiveScriptModule Twice tied encoder.weight encoder.bias "
      "decoder.weight decoder.bias\n"
      "done\n");
}

} // namespace
} // namespace coppice::trace_python_test
