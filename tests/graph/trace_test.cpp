#include "coppice/graph/trace.h"

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/torch.h>

#include <sstream>
#include <thread>

#include "support/errors.h"
#include "support/models.h"
#include "support/temporary_folder.h"

namespace coppice::trace_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::SimpleLinear;

torch::Tensor run(torch::jit::Module& script, const torch::Tensor& x) {
  return script.forward({x}).toTensor();
}

std::vector<std::string> names_of(const torch::jit::Module& script) {
  std::vector<std::string> names;
  for (const auto& each : script.named_parameters()) {
    names.push_back(each.name);
  }
  for (const auto& each : script.named_buffers()) {
    names.push_back(each.name);
  }
  return names;
}

TEST(Trace, ComputesWhatTheModelDoesForEveryBatchSize) {
  SimpleLinear model;
  auto script = trace(model, torch::rand({2, 7}));
  for (const int64_t batch : {2, 1, 5}) {
    const auto x = torch::rand({batch, 7});
    // Three times: the executor optimizes after the first runs.
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(run(script, x).equal(model.forward(x)));
    }
  }
}

TEST(Trace, KeepsNamesAndTensors) {
  SimpleLinear model;
  const auto script = trace(model, torch::rand({2, 7}));
  EXPECT_THAT(
      names_of(script),
      ElementsAre(
          "seq.0.weight",
          "seq.1.weight",
          "seq.2.weight",
          "linear1.weight",
          "linear2.weight"));
  for (const auto& each : script.named_parameters()) {
    EXPECT_TRUE(each.value.is_same(model.named_parameters()[each.name]));
  }
}

TEST(Trace, SeesTheModelTrainOn) {
  SimpleLinear model;
  auto script = trace(model, torch::rand({2, 7}));
  const auto x = torch::rand({3, 7});
  const auto before = run(script, x);
  torch::optim::SGD optimizer(model.parameters(), 0.1);
  run(script, x).sum().backward(); // also through the trace
  optimizer.step();
  EXPECT_FALSE(run(script, x).equal(before));
  EXPECT_TRUE(run(script, x).equal(model.forward(x)));
}

TEST(Trace, SavesAndLoads) {
  SimpleLinear model;
  const TemporaryFolder folder;
  const auto script = trace(model, torch::rand({2, 7}));
  script.save(folder.file("net.pt"));
  auto loaded = torch::jit::load(folder.file("net.pt"));
  EXPECT_EQ(names_of(loaded), names_of(script));
  const auto x = torch::rand({3, 7});
  EXPECT_TRUE(run(loaded, x).equal(model.forward(x)));
}

TEST(Trace, TakesReferencesPointersAndHolders) {
  const auto x = torch::rand({2, 4});
  const torch::nn::Linear holder(4, 3);
  const auto pointer = holder.ptr();
  auto& reference = *pointer;
  const auto expected = pointer->forward(x);
  for (auto script :
       {trace(holder, x),
        trace(pointer, x),
        trace(reference, x),
        trace(torch::nn::Linear(pointer), {x}),
        trace(holder, std::vector<c10::IValue>{x})}) {
    EXPECT_TRUE(run(script, x).equal(expected));
    EXPECT_TRUE(script.attr("weight").toTensor().is_same(holder->weight));
  }
}

TEST(Trace, TakesACallableOverAModel) {
  torch::nn::Linear model(4, 3);
  const auto x = torch::rand({2, 4});
  const auto expected = model->forward(x) * 3;
  int factor = 3;
  const auto lambda = [&](const torch::Tensor& in) {
    return model->forward(in) * factor;
  };
  const std::function<torch::Tensor(torch::Tensor)> function = lambda;
  const auto raw = [&](std::vector<c10::IValue> inputs) {
    return c10::IValue(model->forward(inputs.at(0).toTensor()) * factor);
  };
  const auto changing = [&, calls = 0](torch::Tensor in) mutable {
    return model->forward(in) * (++calls + 2);
  };
  for (auto script :
       {trace(model, lambda, x),
        trace(model, function, x),
        trace(model, raw, x),
        trace(model, changing, x)}) {
    EXPECT_TRUE(run(script, x).equal(expected));
    EXPECT_TRUE(script.attr("weight").toTensor().is_same(model->weight));
  }
}

struct TwoInTwoOut : torch::nn::Module {
  std::tuple<torch::Tensor, std::vector<torch::Tensor>> forward(
      const torch::Tensor& x,
      std::tuple<torch::Tensor, torch::Tensor> pair) const {
    return {x + std::get<0>(pair), {x, x * std::get<1>(pair)}};
  }
};

TEST(Trace, TakesAndReturnsTuplesAndLists) {
  TwoInTwoOut model;
  const auto ones = torch::ones({2});
  auto script = trace(model, {ones, std::make_tuple(ones, ones)});
  const auto x = torch::arange(3.F);
  const auto output = script.forward({x, std::make_tuple(x + 1, x + 2)});
  const auto& elements = output.toTupleRef().elements();
  EXPECT_TRUE(elements[0].toTensor().equal(x + (x + 1)));
  EXPECT_TRUE(elements[1].toTensorVector()[1].equal(x * (x + 2)));
}

TEST(Trace, TakesAndReturnsDictionaries) {
  torch::nn::Module model;
  using Table = c10::Dict<std::string, torch::Tensor>;
  const auto callable = [](const Table& inputs) {
    Table outputs;
    outputs.insert("sum", inputs.at("a") + inputs.at("b"));
    return outputs;
  };
  Table inputs;
  inputs.insert("a", torch::ones({2}));
  inputs.insert("b", torch::ones({2}));
  auto script = trace(model, callable, {inputs});
  inputs.insert_or_assign("b", torch::full({2}, 4.F));
  const auto sum = script.forward({inputs}).toGenericDict().at("sum");
  EXPECT_TRUE(sum.toTensor().equal(torch::full({2}, 5.F)));
}

struct Noisy : torch::nn::Module {
  Noisy() {
    register_module("bn", bn);
    seen = register_buffer("seen", torch::zeros({1}));
  }
  torch::Tensor forward(torch::Tensor x) {
    seen += 1;
    x.mul_(2);
    return torch::dropout(bn(x), 0.5, is_training()) + torch::rand({1});
  }
  torch::nn::BatchNorm1d bn{3};
  torch::Tensor seen;
};

TEST(Trace, LeavesTheModelAsItWas) {
  Noisy model;
  torch::manual_seed(1);
  const auto expected = torch::rand({1});
  torch::manual_seed(1);
  const auto x = torch::rand({4, 3}, at::detail::createCPUGenerator(5));
  const auto x_before = x.clone();
  auto script = trace(model, x, TraceOptions().check_inputs(x + 1));
  EXPECT_TRUE(torch::rand({1}).equal(expected)) << "random numbers";
  EXPECT_TRUE(x.equal(x_before)) << "the caller's input";
  EXPECT_EQ(model.seen.item<float>(), 0);
  EXPECT_TRUE(model.bn->running_mean.equal(torch::zeros({3})));
  EXPECT_EQ(model.bn->num_batches_tracked.item<int64_t>(), 0);
  // The trace trains like the model, and on the same buffers.
  torch::manual_seed(2);
  const auto output = run(script, x.clone());
  EXPECT_EQ(model.seen.item<float>(), 1);
  EXPECT_EQ(model.bn->num_batches_tracked.item<int64_t>(), 1);
  model.bn->reset_running_stats();
  torch::manual_seed(2);
  EXPECT_TRUE(output.equal(model.forward(x.clone())));
}

TEST(Trace, KeepsTheModeItWasTracedIn) {
  torch::nn::Sequential model(torch::nn::Linear(3, 3), torch::nn::Dropout(0.5));
  const auto x = torch::rand({8, 3});
  model->eval();
  auto script = trace(model, x);
  EXPECT_FALSE(script.is_training());
  EXPECT_FALSE(script.attr("1").toModule().is_training());
  script.train();
  EXPECT_TRUE(run(script, x).equal(model->forward(x)));
  model->train();
  auto training = trace(model, x);
  EXPECT_TRUE(training.is_training());
  training.eval();
  EXPECT_GT(run(training, x).eq(0).sum().item<int64_t>(), 0);
}

struct Tied : torch::nn::Module {
  Tied() {
    register_module("encoder", layer);
    register_module("decoder", layer);
    other = register_module("other", torch::nn::Linear(3, 3));
    other->weight = other->named_parameters()["weight"];
    tied = register_parameter("tied", torch::rand({3}));
    register_parameter("tied_too", tied);
    scale = register_buffer("scale", torch::full({3}, 2.F));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    return other(layer(layer(x))) * tied * scale;
  }
  torch::nn::Linear layer{3, 3};
  torch::nn::Linear other{nullptr};
  torch::Tensor tied;
  torch::Tensor scale;
};

TEST(Trace, SharesWhatIsRegisteredTwice) {
  Tied model;
  const auto x = torch::rand({2, 3});
  auto script = trace(model, x);
  EXPECT_TRUE(run(script, x).equal(model.forward(x)));
  EXPECT_EQ(
      script.attr("encoder").toObject(), script.attr("decoder").toObject());
  EXPECT_TRUE(script.attr("tied").toTensor().is_same(
      script.attr("tied_too").toTensor()));
  std::stringstream file;
  script.save(file);
  auto loaded = torch::jit::load(file);
  EXPECT_TRUE(run(loaded, x).equal(model.forward(x)));
  EXPECT_EQ(
      loaded.attr("encoder").toObject(), loaded.attr("decoder").toObject());
  EXPECT_TRUE(loaded.attr("tied").toTensor().is_alias_of(
      loaded.attr("tied_too").toTensor()));
}

TEST(Trace, RunsInSeveralThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::vector<int> good(4, 0);
  for (int& each : good) {
    threads.emplace_back([&each] {
      SimpleLinear model;
      for (int i = 0; i < 10; ++i) {
        const auto x = torch::rand({2, 7});
        auto script = trace(model, x, TraceOptions().check_inputs(x + 1));
        each += run(script, x).equal(model.forward(x)) ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(good, ElementsAre(10, 10, 10, 10));
}

struct Throws : torch::nn::Module {
  torch::Tensor forward(const torch::Tensor& x) {
    const auto y = bn(x);
    TORCH_CHECK(!torch::jit::tracer::isTracing() || x.size(0) > 2, "no luck");
    return y;
  }
  torch::nn::BatchNorm1d bn{register_module("bn", torch::nn::BatchNorm1d(3))};
};

TEST(Trace, LeavesNothingBehindWhenTheModelThrows) {
  Throws model;
  EXPECT_THAT(
      message_of<c10::Error>([&] {
        trace(model, torch::rand({2, 3}));
      }),
      HasSubstr("no luck"));
  EXPECT_FALSE(torch::jit::tracer::isTracing());
  EXPECT_EQ(model.bn->num_batches_tracked.item<int64_t>(), 0);
  EXPECT_NO_THROW(trace(model, torch::rand({3, 3})));
}

TEST(Trace, DoesNotNest) {
  SimpleLinear inner;
  torch::nn::Linear outer(7, 7);
  bool still_tracing = false;
  const auto nested = [&](torch::Tensor x) {
    EXPECT_THAT(
        message_of([&] {
          trace(inner, torch::rand({2, 7}));
        }),
        HasSubstr("traces do not nest"));
    still_tracing = torch::jit::tracer::isTracing();
    return outer(x);
  };
  trace(outer, nested, torch::rand({2, 7}));
  EXPECT_TRUE(still_tracing);
}

TEST(Trace, SaysWhichInputIsWrong) {
  SimpleLinear model;
  const auto x = torch::rand({2, 7});
  EXPECT_EQ(
      message_of([&] {
        trace(model, {x, x});
      }),
      "trace: forward takes 1 input but got 2");
  EXPECT_EQ(
      message_of([&] { trace(model, std::vector<c10::IValue>{}); }),
      "trace: forward takes 1 input but got 0");
  EXPECT_EQ(
      message_of([&] { trace(model, {std::make_tuple(x, x)}); }),
      "trace: input 0 is a Tuple[Tensor, Tensor], but forward takes a Tensor "
      "there");
  EXPECT_THAT(
      message_of([&] {
        trace(model, {x, 3});
      }),
      HasSubstr("trace: input 1 is a int, and a trace takes only tensors"));
  EXPECT_THAT(
      message_of([&] { trace(model, torch::Tensor()); }),
      HasSubstr("input 0 is a tensor that is undefined"));
  EXPECT_THAT(
      message_of([&] { trace(model, x, TraceOptions().check_inputs({3})); }),
      HasSubstr("input 0 of check_inputs is a int"));
  const torch::nn::MultiheadAttention attention(4, 2);
  EXPECT_EQ(
      message_of([&] {
        trace(attention, {x, x});
      }),
      "trace: forward takes 3 to 7 inputs but got 2");
  EXPECT_THAT(
      message_of([&] {
        trace(attention, {x, x, x, x, x});
      }),
      HasSubstr("input 4 is not a tensor to forward"));
  EXPECT_THAT(
      message_of([&] { trace(std::shared_ptr<SimpleLinear>(), x); }),
      HasSubstr("the model is an empty pointer"));
  EXPECT_THAT(
      message_of([&] { trace(torch::nn::Linear(nullptr), x); }),
      HasSubstr("the model is an empty pointer"));
}

TEST(Trace, SaysWhichNameCannotBeHeld) {
  for (const std::string name :
       {"in", "None", "class", "forward", "torch", "a\"b", "ü", "a\nb"}) {
    torch::nn::Module model;
    const auto child =
        model.register_module("good", std::make_shared<torch::nn::Module>());
    child->register_module(name, std::make_shared<torch::nn::Module>());
    const auto call = [](torch::Tensor x) { return x + 1; };
    EXPECT_THAT(
        message_of([&] { trace(model, call, torch::rand({2})); }),
        HasSubstr("TorchScript cannot hold the name `good." + name + "`"));
  }
  torch::nn::Module model;
  model.register_buffer("x", torch::ones({2}));
  model.register_parameter("x", torch::ones({2}));
  const auto call = [](torch::Tensor x) { return x + 1; };
  EXPECT_THAT(
      message_of([&] { trace(model, call, torch::rand({2})); }),
      HasSubstr("two things named `x`"));
}

TEST(Trace, HoldsNamesThatAreNoIdentifiers) {
  for (const std::string name :
       {"0", "my layer", "a-b", "1x", "it's", "lambda"}) {
    torch::nn::Module model;
    const auto layer = model.register_module(name, torch::nn::Linear(2, 2));
    const auto call = [&](torch::Tensor x) { return layer->forward(x); };
    const auto x = torch::rand({2, 2});
    std::stringstream file;
    trace(model, call, x).save(file);
    auto loaded = torch::jit::load(file);
    EXPECT_TRUE(run(loaded, x).equal(layer->forward(x)));
    EXPECT_THAT(
        names_of(loaded), ElementsAre(name + ".weight", name + ".bias"));
  }
}

TEST(Trace, SaysWhatHasNoPlaceInATrace) {
  torch::nn::Module model;
  const auto hidden = torch::rand({3}).requires_grad_();
  const auto plain = torch::rand({3});
  EXPECT_EQ(
      message_of([&] {
        trace(
            model,
            [&](torch::Tensor x) { return x * hidden; },
            torch::rand({3}));
      }),
      "trace: the model uses a tensor that requires grad and is neither an "
      "input nor registered in the model; register it as a parameter, or "
      "detach it");
  EXPECT_EQ(
      message_of([&] {
        trace(
            model, [&](torch::Tensor) { return plain; }, torch::rand({3}));
      }),
      "trace: an output of the model does not depend on its inputs");
}

} // namespace
} // namespace coppice::trace_test
