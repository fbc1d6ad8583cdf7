// Recipes as llm-compressor's documentation writes them, run by the program on
// a small Llama.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <fstream>
#include <map>

#include "cli/child.h"
#include "cli/tensor_file.h"
#include "coppice/io/checkpoint.h"
#include "coppice/masks/measure.h"
#include "coppice/model/torch_tensors.h"

namespace coppice::cli::prune_recipe_test {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kWidth = 16;
constexpr int64_t kWords = 11;

/// A linear layer as PyTorch's own: its weight and what it does with it.
torch::jit::Module linear(int64_t out, int64_t in) {
  torch::jit::Module layer("Linear");
  layer.register_parameter("weight", torch::randn({out, in}) / 4, false);
  layer.define(
      "def forward(self, x):\n  return torch.linear(x, self.weight)\n");
  return layer;
}

torch::jit::Module norm() {
  torch::jit::Module layer("RMSNorm");
  layer.register_parameter("weight", torch::ones({kWidth}), false);
  layer.define(R"(
def forward(self, x):
  return x * torch.rsqrt(x.pow(2).mean(-1, True) + 1e-5) * self.weight
)");
  return layer;
}

torch::jit::Module attention() {
  torch::jit::Module layer("Attention");
  for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
    layer.register_module(name, linear(kWidth, kWidth));
  }
  layer.define(R"(
def forward(self, x):
  q = self.q_proj.forward(x)
  scores = torch.matmul(q, self.k_proj.forward(x).transpose(1, 2)) / 4.0
  return self.o_proj.forward(torch.matmul(scores.softmax(-1), self.v_proj.forward(x)))
)");
  return layer;
}

torch::jit::Module mlp() {
  torch::jit::Module layer("MLP");
  layer.register_module("gate_proj", linear(24, kWidth));
  layer.register_module("up_proj", linear(24, kWidth));
  layer.register_module("down_proj", linear(kWidth, 24));
  layer.define(R"(
def forward(self, x):
  return self.down_proj.forward(torch.silu(self.gate_proj.forward(x)) * self.up_proj.forward(x))
)");
  return layer;
}

torch::jit::Module block() {
  torch::jit::Module layer("DecoderLayer");
  layer.register_module("input_layernorm", norm());
  layer.register_module("self_attn", attention());
  layer.register_module("post_attention_layernorm", norm());
  layer.register_module("mlp", mlp());
  layer.define(R"(
def forward(self, x):
  x = x + self.self_attn.forward(self.input_layernorm.forward(x))
  return x + self.mlp.forward(self.post_attention_layernorm.forward(x))
)");
  return layer;
}

/// `model.embed_tokens`, `model.layers.0` and `.1`, `lm_head`, as Transformers
/// names them.
torch::jit::Module llama() {
  torch::manual_seed(5);
  torch::jit::Module embedding("Embedding");
  embedding.register_parameter("weight", torch::randn({kWords, kWidth}), false);
  embedding.define(
      "def forward(self, ids):\n  return torch.embedding(self.weight, ids)\n");
  torch::jit::Module layers("ModuleList");
  layers.register_module("0", block());
  layers.register_module("1", block());
  layers.define(R"(
def forward(self, x):
  return getattr(self, "1").forward(getattr(self, "0").forward(x))
)");
  torch::jit::Module model("Model");
  model.register_module("embed_tokens", embedding);
  model.register_module("layers", layers);
  model.define(R"(
def forward(self, ids):
  return self.layers.forward(self.embed_tokens.forward(ids))
)");
  torch::jit::Module net("LlamaForCausalLM");
  net.register_module("model", model);
  net.register_module("lm_head", linear(kWords, kWidth));
  net.define(
      "def forward(self, ids):\n"
      "  return self.lm_head.forward(self.model.forward(ids))\n");
  return net;
}

class PruneByRecipe : public ::testing::Test {
 protected:
  PruneByRecipe() {
    llama().save(model_);
    save_tensors(
        samples_, {{"ids", torch::randint(kWords, {32, 12}, torch::kLong)}});
  }

  Outcome prune(const std::string& recipe) const {
    std::ofstream(recipe_) << recipe;
    return run_coppice(
        {"prune",
         model_,
         "-o",
         out_,
         "--calibration",
         samples_,
         "--recipe",
         recipe_});
  }

  static std::map<std::string, torch::Tensor> tensors_of(
      const std::string& path) {
    const auto file = open_checkpoint(path);
    std::map<std::string, torch::Tensor> tensors;
    for (const auto& tensor : file.state.tensors) {
      tensors[tensor.name] = as_tensor(tensor).clone();
    }
    return tensors;
  }

  /// That the 14 projections, and nothing else, have half of their weights.
  void expect_halved(const Outcome& outcome, bool two_of_four) const {
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("14 of 20 tensors pruned"));
    const auto before = tensors_of(model_);
    for (const auto& [name, tensor] : tensors_of(out_)) {
      if (name.find("_proj") == std::string::npos) {
        EXPECT_TRUE(tensor.equal(before.at(name))) << name;
      } else {
        EXPECT_EQ(sparsity(tensor), 0.5) << name;
        EXPECT_TRUE(!two_of_four || nm_conformity(tensor, {2, 4}) == 1) << name;
      }
    }
    const auto ids = torch::zeros({1, 3}, torch::kLong);
    const auto logits = torch::jit::load(out_).forward({ids}).toTensor();
    EXPECT_TRUE(torch::isfinite(logits).all().item<bool>());
  }

  TemporaryFolder folder_;
  std::string model_ = folder_.file("net.pt");
  std::string samples_ = folder_.file("samples.safetensors");
  std::string recipe_ = folder_.file("recipe.yaml");
  std::string out_ = folder_.file("out.pt");
};

TEST_F(PruneByRecipe, TakesStagesWithARunTypeAndAGroup) {
  const auto outcome = prune(R"(
sparsity_stage:
  run_type: oneshot
  sparsity_modifiers:
    SparseGPTModifier:
      sparsity: 0.5
      mask_structure: "2:4"
      sequential_update: false
      targets: ["Linear"]
      ignore: ["re:.*lm_head"]
)");
  expect_halved(outcome, true);
  EXPECT_THAT(outcome.out, HasSubstr("SparseGPT 2:4"));
  EXPECT_THAT(outcome.out, HasSubstr("left: ignored"));
}

TEST_F(PruneByRecipe, TakesEveryOptionOfTheSolver) {
  const auto outcome = prune(R"(
test_stage:
  obcq_modifiers:
    SparseGPTModifier:
      sparsity: 0.5
      mask_structure: "0:0"
      block_size: 128
      dampening_frac: 0.001
      preserve_sparsity_mask: True
      offload_hessians: False
      sequential_targets: null
      targets: __ALL__
)");
  expect_halved(outcome, false);
  EXPECT_THAT(outcome.out, HasSubstr("0.001"));
}

TEST_F(PruneByRecipe, TakesWandaWithoutTargets) {
  const auto outcome = prune(R"(
test_stage:
    sparsity_modifiers:
        WandaPruningModifier:
            sparsity: 0.5
            mask_structure: "2:4"
)");
  expect_halved(outcome, true);
  EXPECT_THAT(outcome.out, HasSubstr("Wanda 2:4"));
}

// As they are saved beside models: decoder layers are what is named, options
// that nobody set are null, and the run type is an object of Python's.
TEST_F(PruneByRecipe, TakesTheLayersWithinATarget) {
  const auto outcome = prune(R"(
DEFAULT_stage:
  DEFAULT_modifiers:
    SparseGPTModifier: {block_size: 128, dampening_frac: 0.01, end: null,
      group: null, index: null, mask_structure: '0:0', owl_lmbda: null,
      owl_m: null, sequential_update: true, sparsity: 0.5,
      sparsity_profile: null, start: null, targets: ['re:model.layers.\d*$'],
      update: null}
  run_type: !!python/object/apply:llmcompressor.recipe.stage.StageRunType [oneshot]
)");
  expect_halved(outcome, false);
}

TEST_F(PruneByRecipe, TakesLayersByTheEndsOfTheirNames) {
  expect_halved(
      prune(R"(
pruning_modifiers:
  WandaPruningModifier:
    sparsity: 0.5
    mask_structure: 2:4
    targets:
      - re:.*q_proj$
      - re:.*k_proj$
      - re:.*v_proj$
      - re:.*o_proj$
      - model.layers.0.mlp
      - model.layers.1.mlp
)"),
      true);
}

TEST_F(PruneByRecipe, ReadsNOfMAsTheSparsityBesideItSays) {
  const auto outcome = prune(R"(
sparsity_stage:
  sparsity_modifiers:
    SparseGPTModifier:
      sparsity: 0.25
      mask_structure: "1:4"
)");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto weight = tensors_of(out_).at("model.layers.0.mlp.up_proj.weight");
  EXPECT_EQ(nm_conformity(weight, {3, 4}), 1);
  EXPECT_EQ(sparsity(weight), 0.25);
}

TEST_F(PruneByRecipe, SaysWhatIsNotDoneHere) {
  expect_complaint(
      prune(R"(
quantization_stage:
  quantization_modifiers:
    GPTQModifier: {scheme: W4A16, targets: [Linear]}
)"),
      2,
      "`GPTQModifier` is not supported");
  expect_complaint(
      prune(R"(
finetuning_stage:
  run_type: train
  finetuning_modifiers:
    ConstantPruningModifier: {targets: ['re:.*q_proj.weight'], start: 0}
)"),
      2,
      "without training");
  expect_complaint(
      prune("a_stage: {sparsity_modifier: {WandaPruningModifier: {}}}"),
      2,
      "`sparsity_modifier`, which is not known");
  expect_complaint(
      prune("a_stage: {run_type: oneshot}"), 2, "has no `modifiers`");
  expect_complaint(
      prune("modifiers: {WandaPruningModifier: {sparsity: 0.5, targets: "
            "['re:model.blocks.0$']}}"),
      2,
      "matches no tensor");
  EXPECT_FALSE(std::ifstream(out_).good());
}

} // namespace
} // namespace coppice::cli::prune_recipe_test
