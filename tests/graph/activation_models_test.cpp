// Activation sites in models from Python and in real models.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/serialize.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "coppice/graph/activation_sites.h"
#include "support/reference_python.h"
#include "support/temporary_folder.h"
#include "support/without_fusion.h"

namespace coppice::activation_models_test {
namespace {

using torch::jit::Module;

torch::Tensor input() {
  return torch::linspace(-2, 2, 24).reshape({3, 8});
}

torch::Tensor flat(const c10::IValue& output) {
  return output.isTensor() ? output.toTensor()
                           : flat(output.toTupleRef().elements().at(0));
}

torch::Tensor run(Module module, const std::vector<c10::IValue>& inputs) {
  const torch::NoGradGuard no_grad;
  if (module.find_method("reset_states")) {
    module.get_method("reset_states")({});
  }
  return flat(module.forward(inputs));
}

Module reloaded(const Module& module) {
  std::stringstream file;
  module.save(file);
  return torch::jit::load(file);
}

using Counts = std::map<std::string, int>;

/// Counts the calls of every site.
std::shared_ptr<Counts> count(const Module& module) {
  auto counts = std::make_shared<Counts>();
  for (const auto& layer : activation_layers(module)) {
    if (layer.site) {
      (*counts)[layer.fqn] = 0;
      layer.site->observe([counts, fqn = layer.fqn](const torch::Tensor&) {
        ++(*counts)[fqn];
      });
    }
  }
  return counts;
}

/// The rewritten module gives the same bits as `module`, also after saving and
/// loading, and without its sites. Returns the counts of one run.
Counts check_same(const Module& module, const std::vector<c10::IValue>& x) {
  const testing::WithoutFusion one_by_one;
  const auto expected = run(module, x);
  const auto sites = with_activation_sites(module);
  const auto counts = count(sites);
  EXPECT_TRUE(run(sites, x).equal(expected));
  const auto of_one_run = *counts;
  EXPECT_TRUE(run(sites, x).equal(expected)); // With the optimized graph.
  const auto again = reloaded(sites);
  EXPECT_TRUE(run(again, x).equal(expected));
  EXPECT_TRUE(run(without_activation_sites(again), x).equal(expected));
  EXPECT_TRUE(run(module, x).equal(expected));
  return of_one_run;
}

/// The calls expected in the models of activation_models.py.
const std::map<std::string, Counts>& expected_counts() {
  static const std::map<std::string, Counts> counts = {
      {"sequential", {{"", 1}, {"0", 1}, {"1", 1}, {"2", 1}}},
      {"sequential_traced", {{"", 1}, {"0", 1}, {"1", 1}, {"2", 1}}},
      {"sequential_frozen", {{"", 1}}},
      {"twice", {{"", 1}, {"fc", 2}, {"norm", 1}}},
      {"twice_traced", {{"", 1}, {"fc", 2}, {"norm", 1}}},
      {"twice_inlined", {{"", 1}, {"fc", 2}, {"norm", 1}}},
      {"interfaces", {{"", 1}, {"first", 1}, {"first.fc", 1}, {"second", 1}}},
      {"control", {{"", 1}, {"even", 3}, {"odd", 2}}},
      {"forked", {{"", 1}, {"fc", 2}}},
      {"hooked", {{"", 1}, {"fc", 1}, {"fc.fc", 1}}},
      {"recurrent", {{"", 1}, {"lstm", 1}, {"gru", 1}, {"cell", 1}}},
      {"recurrent_traced", {{"", 1}, {"lstm", 1}, {"gru", 1}, {"cell", 1}}},
      {"recurrent_inlined", {{"", 1}, {"lstm", 1}, {"gru", 1}, {"cell", 1}}},
      {"convolutions", {{"", 1}, {"conv", 1}, {"norm", 1}, {"back", 1}}},
      {"convolutions_inlined",
       {{"", 1}, {"conv", 1}, {"norm", 1}, {"back", 1}}}};
  return counts;
}

/// Masks every site: with whole masks, with features, or both.
void mask_all(const Module& module) {
  int64_t i = 0;
  for (const auto& layer : activation_layers(module)) {
    if (layer.site) {
      if (i % 3 != 1) {
        layer.site->mask({{torch::tensor({0.5F + i})}, false, {}, 0});
      }
      if (i % 3 != 0) {
        layer.site->mask(
            {{torch::tensor({0}), torch::tensor({2})}, true, {1, 1}, -1});
      }
      ++i;
    }
  }
}

/// Runs every NAME.`suffix`.pt in Python; returns the names that ran.
std::string run_in_python(
    const TemporaryFolder& folder,
    const std::string& suffix,
    const std::string& library) {
  return run_reference(
      "graph/activation_models.py",
      "run '" + folder.path() + "' " + suffix + " " + library);
}

TEST(ActivationModels, OfPythonWorkAndGoBackToPython) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  const TemporaryFolder folder;
  ASSERT_NE(
      run_reference("graph/activation_models.py", "make " + folder.path()), "");
  std::string names;
  for (const auto& file : folder.names()) {
    const auto name = file.substr(0, file.find('.'));
    SCOPED_TRACE(name);
    const auto module = torch::jit::load(folder.file(file));
    const auto counts = check_same(module, {input()});
    const auto expected = expected_counts().find(name);
    if (expected != expected_counts().end()) {
      EXPECT_EQ(counts, expected->second);
    }
    const auto masked = with_activation_sites(module);
    mask_all(masked);
    const auto output = run(masked, {input()});
    EXPECT_FALSE(output.equal(run(module, {input()})));
    const auto plain = without_activation_sites(masked);
    EXPECT_TRUE(run(plain, {input()}).equal(output));
    masked.save(folder.file(name + ".sites.pt"));
    plain.save(folder.file(name + ".plain.pt"));
    folder.write(name + ".out.pt", [&] {
      const auto bytes = torch::pickle_save(output);
      return std::string(bytes.begin(), bytes.end());
    }());
    names += name + "\n";
  }
  const auto in_plain_python = run_in_python(folder, "plain", "");
  std::istringstream lines(in_plain_python);
  std::string line;
  size_t ran = 0;
  while (std::getline(lines, line) && line != "done") {
    ++ran;
  }
  EXPECT_EQ(ran, std::count(names.begin(), names.end(), '\n'));
  if (!python_library().empty()) {
    EXPECT_EQ(
        run_in_python(folder, "sites", python_library()), in_plain_python);
  }
}

struct Case {
  const char* file;
  std::vector<c10::IValue> inputs;
  Counts counts; ///< Some of them.
};

std::vector<Case> real_models() {
  torch::manual_seed(0);
  const auto ids = torch::arange(1, 13);
  return {
      {"resnet20_cifar10.ts.pt",
       {torch::randn({2, 3, 32, 32})},
       {{"conv1", 1}, {"layer3.2.bn2", 1}, {"linear", 1}}},
      {"dscnn_kws12.ts.pt",
       {torch::randn({2, 1, 49, 10})},
       {{"feature_extractor.4.pointwise", 1}, {"classifier", 1}}},
      {"mnist_6_200_nat.ts.pt",
       {torch::rand({3, 1, 28, 28})},
       {{"1", 1}, {"11", 1}}},
      {"stories260K.ts.pt",
       {ids},
       {{"tok_embeddings", 1},
        {"layers.4.attention.wq", 1},
        {"layers.0.feed_forward.w2", 1},
        {"output", 1}}},
      {"stories260K_tied.ts.pt", {ids}, {{"layers.1", 1}, {"output", 1}}},
      {"dqn_CartPole-v1.ts.pt", {torch::randn({5, 4})}, {{"q_net.4", 1}}},
      {"silero_vad.jit",
       {torch::randn({1, 512}), 16000},
       {{"_model.encoder.3.reparam_conv", 1},
        {"_model.decoder.rnn", 1},
        {"_model_8k.decoder.rnn", 0}}},
      {"reddit_bytelstm.pt",
       {torch::arange(32, 64, torch::kByte).reshape({1, 32})},
       {{"", 1}, {"lstm", 1}, {"mlp.0", 1}, {"mlp.2", 1}}},
      {"java_demo.pt1", {torch::randn({2, 3}), 2.5}, {{"", 1}}}};
}

TEST(ActivationModels, RealOnesGiveTheSameBits) {
  const std::filesystem::path models = COPPICE_SHARED "/data/models";
  if (!std::filesystem::exists(models)) {
    GTEST_SKIP() << models << " is missing";
  }
  for (const auto& each : real_models()) {
    SCOPED_TRACE(each.file);
    auto module = torch::jit::load((models / each.file).string());
    module.eval();
    const auto counts = check_same(module, each.inputs);
    for (const auto& [fqn, expected] : each.counts) {
      const auto found = counts.find(fqn);
      ASSERT_NE(found, counts.end()) << fqn;
      EXPECT_EQ(found->second, expected) << fqn;
    }
  }
}

} // namespace
} // namespace coppice::activation_models_test
