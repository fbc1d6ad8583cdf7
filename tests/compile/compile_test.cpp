#include "coppice/compile/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <hwy/targets.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "compile/races.h"
#include "compile/winners.h"
#include "coppice/masks/weight_norm.h"
#include "coppice/sparse/packed_weight.h"
#include "graph/weight_ops.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace coppice::compile_test {
namespace {

using compiling::Candidate;
using compiling::compile_by;
using ::testing::HasSubstr;
using testing::message_of;
using testing::model_race;
using testing::quick;
using testing::won_by;

torch::Tensor pruned(torch::IntArrayRef shape, double level, BlockShape block) {
  auto weight = torch::randn(shape) * 0.05;
  return weight.masked_fill(
      weight_norm_mask(weight, {level, block, block.size()}).logical_not(), 0);
}

/// A convolution, a large sparse linear layer and a small dense one.
torch::jit::Module sparse_net() {
  torch::manual_seed(1);
  torch::jit::Module net("Net");
  net.register_parameter("conv", pruned({16, 1, 3, 3}, 0.5, {1, 1}), false);
  net.register_parameter("large", pruned({512, 1024}, 0.98, {16, 1}), false);
  net.register_parameter("bias", torch::randn({512}), false);
  net.register_parameter("small", torch::randn({10, 512}), false);
  net.define(R"(
    def forward(self, x):
      x = torch.relu(torch.conv2d(x, self.conv, None, [1, 1], [1, 1]))
      x = torch.relu(torch.linear(x.flatten(1), self.large, self.bias))
      return torch.linear(x, self.small)
  )");
  return net;
}

torch::Tensor images(int64_t count = 4) {
  torch::manual_seed(2);
  return torch::randn({count, 1, 8, 8});
}

TEST(Compile, InstallsWhatIsFasterAndComputesTheSame) {
  auto net = sparse_net();
  auto compiled =
      compile_by(won_by("output_blocks16"), net, {images()}, quick());
  ASSERT_EQ(compiled.layers.size(), 3U);
  EXPECT_EQ(compiled.layers[1].format, "output_blocks16");
  EXPECT_EQ(compiled.layers[1].pattern, "16x1");
  EXPECT_LT(compiled.layers[1].bytes_after, compiled.layers[1].bytes_before);
  EXPECT_LT(compiled.difference, 1e-4);
  for (const int64_t count : {1, 4, 9}) {
    EXPECT_TRUE(
        compiled.module.forward({images(count)})
            .toTensor()
            .allclose(net.forward({images(count)}).toTensor(), 1e-3, 1e-4));
  }
}

TEST(Compile, SavesAndLoads) {
  auto compiled = compile(sparse_net(), {images()}, quick());
  std::stringstream file;
  compiled.module.save(file);
  auto loaded = torch::jit::load(file);
  EXPECT_TRUE(loaded.forward({images()})
                  .toTensor()
                  .equal(compiled.module.forward({images()}).toTensor()));
}

TEST(Compile, RunsOnEveryInstructionSet) {
  auto compiled = compile(sparse_net(), {images()}, quick());
  std::stringstream file;
  compiled.module.save(file);
  const auto right = sparse_net().forward({images()}).toTensor();
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    file.seekg(0);
    EXPECT_TRUE(torch::jit::load(file)
                    .forward({images()})
                    .toTensor()
                    .allclose(right, 1e-3, 1e-4))
        << hwy::TargetName(target);
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(Compile, SkipsZerosOfASingleInput) {
  torch::manual_seed(4);
  torch::jit::Module net("Net");
  net.register_parameter("weight", torch::randn({1024, 1024}), false);
  net.define(
      "def forward(self, x):\n"
      "  return torch.linear(torch.relu(x), self.weight)\n");
  // One input in fifty is positive.
  auto x = torch::full({1, 1024}, -1.0);
  x.slice(1, 0, 1024, 50).fill_(1);
  const auto single = compile_by(won_by("input_columns"), net, {x}, quick());
  EXPECT_EQ(single.layers[0].format, "input_columns");
  EXPECT_EQ(single.layers[0].timings[0].chosen, 1);
  EXPECT_EQ(single.layers[0].timings[0].dense, 100);
  // No format for batches skips inputs.
  EXPECT_NE(
      compile_by(won_by("input_columns"), net, {x.repeat({4, 1})}, quick())
          .layers[0]
          .format,
      "input_columns");
}

TEST(Compile, StoresWeightsAsBfloat16IfAllowed) {
  torch::manual_seed(5);
  torch::jit::Module net("Net");
  net.register_parameter("weight", torch::randn({256, 512}), false);
  net.define("def forward(self, x):\n  return torch.linear(x, self.weight)\n");
  const auto x = torch::randn({1, 512});
  const auto plain = compile_by(won_by("dense"), net, {x}, quick());
  EXPECT_EQ(plain.layers[0].format, "dense");
  EXPECT_LT(plain.difference, 1e-5);
  const auto halved =
      compile_by(won_by("dense bfloat16"), net, {x}, quick().bfloat16(true));
  EXPECT_EQ(halved.layers[0].format, "dense bfloat16");
  EXPECT_EQ(2 * halved.layers[0].bytes_after, halved.layers[0].bytes_before);
  EXPECT_GT(halved.difference, 1e-5);
  EXPECT_LT(halved.difference, 1e-2);
  EXPECT_THAT(halved.table(), HasSubstr("rounded to bfloat16"));
}

TEST(Compile, NamesLayersOfAFileThatLostTheirNames) {
  std::stringstream file;
  frozen_module(sparse_net()).save(file);
  const auto layers =
      compile(torch::jit::load(file), {images()}, quick()).layers;
  EXPECT_EQ(layers.at(0).layer, "layer 1");
  EXPECT_EQ(layers.at(2).layer, "layer 3");
}

TEST(Compile, PacksForTheBatchThatItMeasured) {
  const auto compiled = compile_by(
      won_by("sorted_rows"),
      sparse_net(),
      {images()},
      quick().batches({16, 64}));
  ASSERT_EQ(compiled.layers[1].format, "sorted_rows");
  const auto packed =
      compiled.module.attr("packed_large").toCustomClass<PackedWeight>();
  EXPECT_EQ(packed->format(), PackedFormat::SortedRows);
  EXPECT_TRUE(packed->batch() == 16 || packed->batch() == 64);
}

TEST(Compile, MeasuresEveryBatch) {
  const auto compiled =
      compile(sparse_net(), {images()}, quick().batches({1, 16}));
  ASSERT_EQ(compiled.timings.size(), 2U);
  EXPECT_EQ(compiled.timings[1].batch, 16);
  ASSERT_EQ(compiled.layers[1].timings.size(), 2U);
  EXPECT_EQ(compiled.layers[1].timings[0].rows, 1);
  EXPECT_EQ(compiled.layers[1].timings[1].rows, 16);
  EXPECT_EQ(compiled.rows().rows.size(), 6U);
}

TEST(Compile, SharesOfTheModelsTimeAddUpToOneAtMost) {
  CompiledModel model;
  model.layers.resize(2);
  model.layers[0].timings = {{1, 1, 60, 30, "dense"}};
  model.layers[1].timings = {{1, 1, 80, 20, "dense"}};
  const auto share = [&](size_t row) {
    const auto table = model.rows();
    size_t column = 0;
    while (table.columns[column].key != "share") {
      ++column;
    }
    return std::get<double>(table.rows[row][column]);
  };
  model.timings = {{1, 200, 100, 0}};
  EXPECT_DOUBLE_EQ(share(0), 0.3);
  model.timings[0].before = 100;
  EXPECT_DOUBLE_EQ(share(0), 60.0 / 140);
  EXPECT_DOUBLE_EQ(share(1), 80.0 / 140);
}

TEST(Compile, PrintsATable) {
  const auto text = compile(sparse_net(), {images()}, quick()).table();
  EXPECT_THAT(text, HasSubstr("512x1024"));
  EXPECT_THAT(text, HasSubstr("whole model, batch 4"));
  EXPECT_THAT(text, HasSubstr("of other memory read before each run"));
}

/// The number of layers measured.
size_t races_of(const CompileOptions& options) {
  auto races = won_by("output_blocks16");
  size_t count = 0;
  races.layer = [&count, layer = races.layer](auto&&... race) {
    ++count;
    return layer(race...);
  };
  const auto compiled = compile_by(races, sparse_net(), {images()}, options);
  // Measured or cached.
  EXPECT_EQ(compiled.layers.at(1).format, "output_blocks16");
  EXPECT_EQ(compiled.layers.at(1).timings.at(0).chosen, 1);
  return count;
}

TEST(Compile, RemembersWhatItMeasured) {
  const TemporaryFolder folder;
  const auto options = quick().cache(folder.file("cache"));
  EXPECT_EQ(races_of(options), 3U);
  EXPECT_EQ(races_of(options), 0U);
  EXPECT_EQ(races_of(quick()), 3U); // Without a cache.
  // Broken files count as missing.
  for (const auto& entry :
       std::filesystem::directory_iterator(folder.file("cache"))) {
    std::ofstream(entry.path()) << "{\"key\": 1";
  }
  EXPECT_EQ(races_of(options), 3U);
}

/// Measurements of a model whose layers are faster alone, but which takes 200
/// us instead of 100 as a whole; with LibTorch's product in all layers it takes
/// `with_libtorch` us.
compiling::Races lost_together(double with_libtorch) {
  auto races = won_by("output_blocks16");
  races.models =
      [with_libtorch, is_first = true](
          auto& before, auto& after, const auto& examples, double) mutable {
        const double microseconds = is_first ? 200 : with_libtorch;
        is_first = false;
        return model_race(before, after, examples, microseconds);
      };
  return races;
}

TEST(Compile, RevertsAllLayersIfTogetherTheyAreSlower) {
  const auto x = images();
  const auto compiled =
      compile_by(lost_together(50), sparse_net(), {x}, quick());
  const auto& layer = compiled.layers.at(1);
  EXPECT_EQ(layer.format, "libtorch");
  EXPECT_THAT(layer.why_left, HasSubstr("output_blocks16 makes the whole"));
  EXPECT_EQ(layer.bytes_after, layer.bytes_before);
  EXPECT_EQ(layer.timings[0].chosen, layer.timings[0].dense);
  EXPECT_FALSE(compiled.module.hasattr("packed_large"));
  EXPECT_EQ(compiled.timings.at(0).after, 50);
}

TEST(Compile, KeepsItsChoicesIfTheModelIsNoFasterWithoutThem) {
  const auto compiled =
      compile_by(lost_together(300), sparse_net(), {images()}, quick());
  EXPECT_EQ(compiled.layers.at(1).format, "output_blocks16");
  EXPECT_TRUE(compiled.module.hasattr("packed_large"));
  EXPECT_EQ(compiled.timings.at(0).after, 200);
}

TEST(Compile, ChoosesTheFormatThatIsFasterAtEveryBatch) {
  auto races = won_by("pattern_panels");
  // One format wins by more, but at one batch only.
  races.layer = [layer = races.layer](
                    const WeightOp& op,
                    const torch::Tensor& input,
                    const std::vector<Candidate>& candidates,
                    int64_t passing_bytes,
                    double seconds) {
    auto race = layer(op, input, candidates, passing_bytes, seconds);
    for (size_t i = 1; i < candidates.size(); ++i) {
      if (candidates[i].name() == "output_blocks16") {
        race.ratios[i] = 0.001;
        race.wins[i] = input.size(0) == 16;
      }
    }
    return race;
  };
  const auto compiled =
      compile_by(races, sparse_net(), {images()}, quick().batches({16, 64}));
  EXPECT_EQ(compiled.layers.at(1).format, "pattern_panels");
}

TEST(Compile, DoesNotChangeTheModel) {
  auto net = sparse_net();
  const auto before = net.forward({images()}).toTensor();
  compile(net, {images()}, quick());
  EXPECT_TRUE(net.forward({images()}).toTensor().equal(before));
  EXPECT_EQ(net.parameters().size(), 4U);
}

TEST(Compile, ReplacesConvolutionsOverOneDimension) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(3);
  torch::jit::Module net("Net");
  const auto weight = torch::randn({64, 48, 5});
  net.register_parameter(
      "weight", weight * weight.abs().gt(2), /*is_buffer=*/false);
  net.define(
      "def forward(self, x):\n"
      "  return torch.relu(torch.conv1d(x, self.weight, None, 1, 2))\n");
  const auto x = torch::randn({2, 48, 100});
  auto compiled = compile_by(won_by("sorted_rows"), net, {x}, quick());
  EXPECT_EQ(compiled.layers.at(0).format, "sorted_rows");
  EXPECT_TRUE(torch::allclose(
      compiled.module.forward({x}).toTensor(),
      net.forward({x}).toTensor(),
      1e-4,
      1e-4));
}

TEST(Compile, SaysWhatIsWrong) {
  torch::jit::Module none("Nothing");
  none.define("def forward(self, x):\n  return x + 1\n");
  EXPECT_THAT(
      message_of([&] { compile(none, {images()}, quick()); }),
      HasSubstr("no linear layer or convolution"));
  torch::jit::Module table("Table");
  table.register_parameter("weight", torch::ones({4, 2}), false);
  table.define(
      "def forward(self, x):\n  return torch.embedding(self.weight, x)\n");
  EXPECT_THAT(
      message_of([&] {
        compile(table, {torch::ones({1}).to(torch::kLong)}, quick());
      }),
      HasSubstr("packed formats do not support aten::embedding"));
  EXPECT_THAT(
      message_of([&] {
        compile(sparse_net(), {torch::ones({2, 3})}, quick());
      }),
      HasSubstr("the model fails on (float32 [2, 3]): "));
  EXPECT_THAT(
      message_of([&] { compile(sparse_net(), {1}, quick().batches({2})); }),
      HasSubstr("no input with a batch"));
  EXPECT_THAT(
      message_of([&] { CompileOptions().batches({0}); }), HasSubstr("got 0"));
}

} // namespace
} // namespace coppice::compile_test
