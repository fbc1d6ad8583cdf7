// Messages of `compile`, `bench` and `activations` for models that do not run,
// and their inputs for those that do.

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/child.h"
#include "cli/tensor_file.h"
#include "coppice/graph/activation_sites.h" // With it the library is loaded.
#include "coppice/model/torch_tensors.h"
#include "io/torch_file.h"

namespace coppice::cli::run_program_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RunModel : public ::testing::Test {
 protected:
  RunModel() {
    torch::manual_seed(1);
    net_.register_parameter("weight", torch::randn({5, 6}), false);
    net_.register_parameter("rows", torch::randn({4, 6}), false);
    save_tensors(samples_, {{"x", torch::ones({4, 6})}});
  }

  void define(const std::string& forward) {
    net_.define(forward);
    net_.save(model_);
  }

  Outcome compile(std::vector<std::string> options) const {
    options.insert(
        options.begin(),
        {"compile", model_, "-o", out_, "--no-cache", "--seconds", "0.01"});
    return run_coppice(options);
  }

  Outcome activations() const {
    return run_coppice(
        {"activations",
         model_,
         "-o",
         out_,
         "--calibration",
         samples_,
         "--layer",
         "",
         "--sparsity",
         "0.5"});
  }

  /// Checks that every command that runs the model prints the message.
  void expect_refused(const std::string& input, const std::string& part) const {
    expect_complaint(compile({"--input", input}), 2, part);
    expect_complaint(
        run_coppice({"bench", model_, "--no-cache", "--input", input}),
        2,
        part);
  }

  TemporaryFolder folder_;
  torch::jit::Module net_{"Net"};
  std::string model_ = folder_.file("model");
  std::string out_ = folder_.file("out");
  std::string samples_ = folder_.file("samples");
};

TEST_F(RunModel, GivesTheWordsOfAModelThatRaises) {
  define(
      "def check(self, x):\n"
      "  assert x.size(0) == 1, 'one at a time'\n"
      "def forward(self, x):\n"
      "  self.check(x)\n"
      "  return torch.linear(x, self.weight)\n");
  expect_refused("2x6", "fails on (float32 [2, 6]): it says `one at a time`.");
  expect_complaint(activations(), 2, "it says `one at a time`");
  EXPECT_EQ(compile({"--input", "1x6"}).exit_code, 0);
  // Each batch runs first.
  expect_complaint(
      compile({"--input", "1x6", "--batch", "1", "--batch", "3"}),
      2,
      "fails on (float32 [3, 6])");
}

TEST_F(RunModel, AdvisesARangeOfIndices) {
  define(
      "def look_up(self, ids):\n"
      "  return self.rows[ids]\n"
      "def forward(self, ids):\n"
      "  return torch.linear(self.look_up(ids), self.weight)\n");
  expect_refused("3:int64", "as in --input 3:int64[0,3].");
  expect_refused("3:int64[4,4]", "as in --input 3:int64[0,3].");
  EXPECT_EQ(compile({"--input", "3:int64[0,3]"}).exit_code, 0);
}

TEST_F(RunModel, AsksForFloat32InPlaceOfHalfPrecision) {
  define(
      "def forward(self, x):\n"
      "  y = torch.linear(x.to(5), self.weight.to(5))\n"
      "  return torch.linear(y.to(6), torch.ones([2, 5]))\n");
  const auto outcome = compile({"--input", "2x6"});
  if (outcome.exit_code != 0) { // Newer versions of LibTorch compute with it.
    expect_complaint(outcome, 2, "convert the model to float32");
  }
}

TEST_F(RunModel, SaysThatAModelWantsAGpu) {
  define(
      "def forward(self, x):\n"
      "  return torch.linear(x, self.weight) + torch.ones([5], "
      "device='cuda:0')\n");
  if (!torch::cuda::is_available()) {
    expect_refused("2x6", "its code asks for a GPU");
    expect_complaint(activations(), 2, "its code asks for a GPU");
  }
}

TEST_F(RunModel, ComparesRandomModelsUnderEqualSeeds) {
  for (const char* noise :
       {"torch.randn_like(h)", "torch.dropout(h, 0.5, True)"}) {
    net_ = torch::jit::Module("Net");
    net_.register_parameter("weight", torch::randn({5, 6}), false);
    define(
        std::string("def forward(self, x):\n"
                    "  h = torch.linear(x, self.weight)\n"
                    "  return h + ") +
        noise + "\n");
    const auto outcome = compile({"--input", "2x6"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("The model draws random numbers"));
  }
  net_ = torch::jit::Module("Net");
  net_.register_parameter("weight", torch::randn({5, 6}), false);
  define("def forward(self, x):\n  return torch.linear(x, self.weight)\n");
  const auto outcome = compile({"--input", "2x6", "--json"});
  EXPECT_FALSE(nlohmann::json::parse(outcome.out)["random"].get<bool>());
}

TEST_F(RunModel, RunsModelsThatTakeGradients) {
  define(
      "def energy(self, x):\n"
      "  return torch.linear(x, self.weight).tanh().sum()\n"
      "def forward(self, x):\n"
      "  y = x.detach().requires_grad_(True)\n"
      "  return torch.autograd.grad([self.energy(y)], [y])[0]\n");
  const auto outcome = compile({"--input", "2x6"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_complaint(activations(), 2, "computes gradients in `forward`");
}

TEST_F(RunModel, TakesAnExampleOfAnyStructure) {
  define(
      "def forward(self, x: Dict[str, Tensor], flip: bool):\n"
      "  y = torch.linear(x['a'], self.weight)\n"
      "  return -y if flip else y\n");
  PickleTensor tensor;
  tensor.tensor = as_stored("", torch::randn({4, 6}));
  PickleDict inner;
  inner.set("a", tensor);
  PickleDict outer;
  outer.set("x", inner);
  outer.set("flip", true);
  const auto example = folder_.file("example");
  write_torch_file(example, outer);
  for (const char* command : {"compile", "bench"}) {
    std::vector<std::string> words{
        command, model_, "--inputs", example, "--batch", "2", "--batch", "9"};
    words.insert(words.end(), {"--no-cache", "--seconds", "0.01"});
    if (words[0] == "compile") {
      words.insert(words.end(), {"-o", out_});
    }
    const auto outcome = run_coppice(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("batch 9"));
  }
  expect_refused("4x6", "`flip` is missing");
  expect_complaint(
      compile({"--input", "4x6", "--input", "=true"}), 2, "--inputs FILE");
  expect_complaint(
      compile({"--input", "4x6", "--inputs", example}), 2, "excludes");
  expect_complaint(compile({"--inputs", samples_}), 2, "input `x` is a tensor");
  expect_complaint(compile({"--inputs", folder_.file("no")}), 2, "cannot be");
}

/// `forward` calls an op of a library.
void define_with_op(torch::jit::Module& net, const std::string& op) {
  auto graph = std::make_shared<torch::jit::Graph>();
  auto* const self = graph->addInput("self")->setType(net.type());
  auto* const x = graph->addInput("x");
  auto* const weight =
      graph->insertNode(graph->createGetAttr(self, "weight"))->output();
  auto* const twice =
      graph->insertNode(graph->create(c10::Symbol::fromQualString(op), {x}));
  auto* const none = graph->insertNode(graph->createNone())->output();
  auto* const linear = graph->insertNode(graph->create(
      c10::Symbol::fromQualString("aten::linear"),
      {twice->output(), weight, none}));
  graph->registerOutput(linear->output());
  net.type()->addMethod(net._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*net.type()->name(), "forward"), graph));
}

TEST_F(RunModel, LoadsLibrariesOfOps) {
  ASSERT_NE(dlopen(COPPICE_TEST_OPS, RTLD_NOW), nullptr) << dlerror();
  define_with_op(net_, "coppice_test_ops::twice");
  net_.save(model_);
  expect_complaint(
      compile({"--input", "2x6"}),
      2,
      "`coppice_test_ops::twice`, an op of a library that is not loaded; give "
      "the library with --load LIBRARY");
  EXPECT_EQ(
      compile({"--input", "2x6", "--load", COPPICE_TEST_OPS}).exit_code, 0);
  const auto twice = folder_.file("again.so");
  std::filesystem::copy(COPPICE_TEST_OPS, twice);
  expect_complaint(
      compile({"--input", "2x6", "--load", COPPICE_TEST_OPS, "--load", twice}),
      2,
      "again.so: cannot be loaded: it registers what is registered already");
  expect_complaint(
      compile({"--input", "2x6", "--load", model_}), 2, "--load " + model_);
  expect_complaint(
      compile({"--input", "2x6", "--load", "no.so"}), 2, "--load no.so");
}

TEST_F(RunModel, LoadsLibrariesThatHaveCoppiceThemselves) {
  ASSERT_NE(dlopen(COPPICE_TEST_USER, RTLD_NOW), nullptr) << dlerror();
  define_with_op(net_, "coppice_test_user::halves");
  net_.save(model_);
  EXPECT_EQ(
      compile({"--input", "2x6", "--load", COPPICE_TEST_USER}).exit_code, 0);
}

} // namespace
} // namespace coppice::cli::run_program_test
