#include "coppice/oneshot/prune_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "coppice/io/safetensors.h"
#include "coppice/masks/measure.h"
#include "coppice/masks/select.h"
#include "coppice/model/torch_tensors.h"
#include "oneshot/hand_made.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace coppice::prune_checkpoint_test {
namespace {

using coppice::testing::floats_of;
using coppice::testing::HandMade;
using coppice::testing::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using Tensors = std::vector<std::pair<std::string, torch::Tensor>>;

class PruneCheckpoint : public ::testing::Test {
 protected:
  PruneCheckpoint() {
    torch::manual_seed(1);
  }

  Checkpoint saved(const Tensors& tensors, const std::string& name = "in") {
    StateDict state;
    state.metadata = {{"format", "pt"}};
    for (const auto& [fqn, tensor] : tensors) {
      state.tensors.push_back(as_stored(fqn, tensor));
    }
    save_safetensors(folder_.file(name), state);
    return open_checkpoint(folder_.file(name));
  }

  PruneReport prune(const Checkpoint& input, const PruneModifier& modifier) {
    return prune_checkpoint(input, {modifier}, folder_.file("out"));
  }

  torch::Tensor pruned(const std::string& name) {
    const auto output = open_checkpoint(folder_.file("out"));
    const auto* stored = output.state.find(name);
    EXPECT_NE(stored, nullptr) << name;
    return as_tensor(*stored).clone();
  }

  TemporaryFolder folder_;
};

PruneModifier
modifier(double level, BlockShape block = {1, 1}, Scope scope = Scope::Tensor) {
  PruneModifier modifier;
  modifier.pattern = {level, block, block.size()};
  modifier.scope = scope;
  return modifier;
}

/// Larger than one part of a pass.
torch::Tensor large() {
  return torch::randn({3000, 2003});
}

TEST_F(PruneCheckpoint, MasksAsWeightNormDoes) {
  for (const auto type :
       {torch::kFloat, torch::kHalf, torch::kBFloat16, torch::kDouble}) {
    const auto weight = torch::randn({60, 50}).to(type);
    const auto report =
        prune(saved({{"fc.weight", weight}}), modifier(0.7, {1, 4}));
    const auto mask = weight_norm_mask(weight, {0.7, {1, 4}, 4});
    EXPECT_TRUE(pruned("fc.weight").equal(weight.masked_fill(~mask, 0)));
    EXPECT_TRUE(report.reached);
    EXPECT_EQ(report.tensors[0].zeros_after, (~mask).sum().item<int64_t>());
  }
}

TEST_F(PruneCheckpoint, KeepsTheBitsOfWhatItKeeps) {
  const auto weight = torch::tensor({{-0.0F, 1e-40F, -3.0F, 4.0F}});
  prune(saved({{"w", weight}}), modifier(0.5));
  const auto bits = pruned("w").view(torch::kInt);
  EXPECT_TRUE(
      bits.equal(torch::tensor({{0.0F, 0.0F, -3.0F, 4.0F}}).view(torch::kInt)));
}

TEST_F(PruneCheckpoint, LeavesAllElseByteForByte) {
  const auto input = saved(
      {{"a.weight", torch::randn({8, 8})},
       {"a.bias", torch::randn({8})},
       {"ids", torch::arange(6).reshape({2, 3})}});
  prune(input, modifier(0.5));
  const auto before = read_file(folder_.file("in"));
  auto after = read_file(folder_.file("out"));
  ASSERT_EQ(after.size(), before.size());
  const auto* weight = input.state.find("a.weight");
  const auto begin = weight->data - input.files[0]->data();
  after.replace(begin, weight->nbytes(), before, begin, weight->nbytes());
  EXPECT_TRUE(after == before);
}

TEST_F(PruneCheckpoint, PrunesWhatIsLargerThanAPart) {
  const auto weight = large();
  prune(saved({{"w", weight}}), modifier(0.7, {4, 4}));
  const auto mask = weight_norm_mask(weight, {0.7, {4, 4}, 16});
  EXPECT_TRUE(pruned("w").equal(weight.masked_fill(~mask, 0)));
}

TEST_F(PruneCheckpoint, FindsOneThresholdOverAllTensors) {
  const std::vector<torch::Tensor> weights{
      large(), torch::randn({7, 5}) * 10, torch::randn({64, 64}) * 0.1};
  const auto report = prune(
      saved({{"a", weights[0]}, {"b", weights[1]}, {"c", weights[2]}}),
      modifier(0.9, {1, 1}, Scope::Global));
  const auto masks = drop_lowest_masks(
      {weights[0].abs(), weights[1].abs(), weights[2].abs()}, 0.9);
  EXPECT_TRUE(pruned("a").equal(weights[0] * masks[0]));
  EXPECT_TRUE(pruned("b").equal(weights[1] * masks[1]));
  EXPECT_TRUE(pruned("c").equal(weights[2] * masks[2]));
  EXPECT_TRUE(report.reached);
  EXPECT_TRUE(report.tensors[1].reached);
}

TEST_F(PruneCheckpoint, FindsAGlobalThresholdOfMixedPrecision) {
  const auto half = torch::randn({40, 40}).to(torch::kHalf);
  const auto wide = torch::randn({40, 40}, torch::kDouble);
  prune(
      saved({{"a", half}, {"b", wide}}), modifier(0.5, {1, 1}, Scope::Global));
  const auto masks = drop_lowest_masks(
      // The wide one is first in the file.
      {wide.abs(), half.to(torch::kDouble).abs()},
      0.5);
  EXPECT_TRUE(pruned("b").equal(wide * masks[0]));
  EXPECT_TRUE(pruned("a").equal(half * masks[1]));
}

TEST_F(PruneCheckpoint, DropsTheEarlierOfGlobalTies) {
  const auto ones = torch::ones({3, 4});
  prune(
      saved({{"a", ones}, {"b", ones}}),
      modifier(0.625, {1, 1}, Scope::Global));
  EXPECT_EQ(count_zeros(pruned("a")), 12);
  EXPECT_TRUE(pruned("b").reshape(-1).eq(0).nonzero().reshape(-1).equal(
      torch::arange(3)));
}

TEST_F(PruneCheckpoint, DropsBlocksGlobally) {
  auto options = modifier(0.5, {2, 2}, Scope::Global);
  const auto low = torch::rand({8, 8}) + 1;
  const auto high = torch::rand({8, 8}) + 3;
  prune(saved({{"a", low}, {"b", high}}), options);
  EXPECT_EQ(count_zeros(pruned("a")), 64);
  EXPECT_EQ(count_zeros(pruned("b")), 0);
  options.pattern.zeros_per_block = 1;
  prune(saved({{"a", low}, {"b", high}}), options);
  EXPECT_EQ(count_zeros(pruned("a")), 16);
  EXPECT_EQ(block_occupancy(pruned("a"), {2, 2}).kept, 16);
}

TEST_F(PruneCheckpoint, DryRunCountsTheSameAndWritesNothing) {
  const auto input = saved({{"w", torch::randn({20, 20})}});
  PruneOptions options;
  options.dry_run = true;
  const auto dry = prune_checkpoint(input, {modifier(0.4)}, "", options);
  EXPECT_THAT(folder_.names(), ElementsAre("in"));
  EXPECT_EQ(dry.tensors[0].zeros_after, 160);
}

TEST_F(PruneCheckpoint, TellsItsProgress) {
  const auto input = saved({{"w", large()}});
  std::vector<uint64_t> done;
  PruneOptions options;
  options.progress = [&](uint64_t now, uint64_t total) {
    EXPECT_EQ(total, 3 * input.state.tensors[0].nbytes());
    done.push_back(now);
  };
  prune_checkpoint(
      input,
      {modifier(0.5, {1, 1}, Scope::Global)},
      folder_.file("out"),
      options);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.back(), 3 * input.state.tensors[0].nbytes());
}

TEST_F(PruneCheckpoint, SaysWhereItFellShort) {
  auto one_block = modifier(0.9, {1, 4});
  one_block.targets = {"w"};
  const auto report = prune(saved({{"w", torch::randn({1, 4})}}), one_block);
  EXPECT_FALSE(report.reached);
  EXPECT_FALSE(report.tensors[0].reached);
}

TEST_F(PruneCheckpoint, EachTensorHasOneModifier) {
  auto first = modifier(0.5);
  first.targets = {"a*"};
  auto second = modifier(0.25);
  const auto input =
      saved({{"a.weight", torch::randn({4, 4})}, {"b", torch::randn({4, 4})}});
  EXPECT_THAT(
      message_of([&] {
        prune_checkpoint(input, {first, second}, folder_.file("out"));
      }),
      HasSubstr("`a.weight` is pruned by two modifiers"));
  second.ignore = {"a"};
  const auto report =
      prune_checkpoint(input, {first, second}, folder_.file("out"));
  EXPECT_EQ(report.tensors[0].zeros_after, 8);
  EXPECT_EQ(report.tensors[1].zeros_after, 4);
}

TEST_F(PruneCheckpoint, RefusesWhatItCannotDoAndWritesNothing) {
  const auto input = saved({{"fc1.weight", torch::randn({4, 4})}});
  auto wrong = modifier(0.5);
  wrong.targets = {"fc2"};
  EXPECT_THAT(
      message_of([&] { prune(input, wrong); }),
      HasSubstr("`fc2` matches no tensor of the model; the nearest name is "
                "`fc1.weight`"));
  wrong.targets = {"fc1"};
  wrong.ignore = {"*"};
  EXPECT_THAT(
      message_of([&] { prune(input, wrong); }),
      HasSubstr("none of its tensors"));
  EXPECT_THAT(
      message_of([&] { prune(saved({}, "empty"), modifier(0.5)); }),
      HasSubstr("nothing to prune"));
  const auto bad = saved({{"w", torch::full({4, 4}, NAN)}}, "nan");
  for (const auto scope : {Scope::Tensor, Scope::Global}) {
    EXPECT_THAT(
        message_of([&] {
          prune(bad, modifier(0.5, {1, 1}, scope));
        }),
        HasSubstr("`w`"));
  }
  EXPECT_THAT(folder_.names(), UnorderedElementsAre("empty", "in", "nan"));
  EXPECT_THROW(
      prune_checkpoint(input, {modifier(0.5)}, folder_.file("in")),
      OutputError);
}

TEST_F(PruneCheckpoint, PrunesStridedTensorsWhereTheyLie) {
  HandMade made(folder_, {9, 1, 4, 8, 2, 5, 8, 3, 6, 9});
  made.add("t", 1, {2, 2}, {3, 1}); // 1 4 and 2 5; 8 lies between.
  prune(made.checkpoint, modifier(0.5));
  EXPECT_THAT(
      floats_of(read_file(folder_.file("out"))),
      ElementsAre(9, 0, 4, 8, 0, 5, 8, 3, 6, 9));
}

TEST_F(PruneCheckpoint, PrunesTiedTensorsOnce) {
  HandMade made(folder_, {1, 2, 3, 4});
  made.add("fc1.weight", 0, {2, 2}, {2, 1});
  made.add("fc2.weight", 0, {2, 2}, {2, 1});
  const auto report = prune(made.checkpoint, modifier(0.5));
  EXPECT_EQ(report.tensors[1].left_because, "pruned as `fc1.weight`");
  EXPECT_THAT(
      floats_of(read_file(folder_.file("out"))), ElementsAre(0, 0, 3, 4));
}

TEST_F(PruneCheckpoint, WritesAllShardsOrNone) {
  saved({{"a", torch::randn({8, 8})}}, "one.safetensors");
  saved({{"b", torch::randn({8, 8})}}, "two.safetensors");
  folder_.write(
      "model.safetensors.index.json",
      R"({"metadata": {}, "weight_map":
          {"a": "one.safetensors", "b": "two.safetensors"}})");
  const auto input =
      open_checkpoint(folder_.file("model.safetensors.index.json"));
  for (int round = 0; round < 2; ++round) { // The second replaces the first.
    const auto report = prune(input, modifier(0.5, {1, 1}, Scope::Global));
    const auto output =
        open_checkpoint(folder_.file("out/model.safetensors.index.json"));
    int64_t zeros = 0;
    for (const auto& tensor : output.state.tensors) {
      zeros += count_zeros(as_tensor(tensor));
    }
    EXPECT_EQ(zeros, 64);
    EXPECT_EQ(
        report.tensors[0].zeros_after + report.tensors[1].zeros_after, 64);
  }
  folder_.write("out/mine.txt", "dear");
  EXPECT_THROW(prune(input, modifier(0.25)), OutputError);
  EXPECT_EQ(read_file(folder_.file("out/mine.txt")), "dear");
  EXPECT_EQ(folder_.names().size(), 4);
}

} // namespace
} // namespace coppice::prune_checkpoint_test
