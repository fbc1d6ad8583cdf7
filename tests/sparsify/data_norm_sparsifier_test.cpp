// docs/reference.md 7.7, Norm.*, docs/reference.md 6.2 and docs/reference.md 8.

#include "coppice/sparsify/data_norm_sparsifier.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <cmath>
#include <sstream>

#include "coppice/masks/data_norm.h"
#include "support/errors.h"
#include "support/golden.h"

namespace coppice::data_norm_sparsifier_test {
namespace {

using testing::bits_of;
using testing::golden;
using testing::golden_tensor;
using ::testing::HasSubstr;
using testing::message_of;

/// A tensor of the reference's tests; without options the defaults hold.
struct TestData {
  std::string name;
  Data data;
  SparsifierOptions options;
};

DataNormOptions defaults() {
  return DataNormOptions()
      .sparsity_level(0.5)
      .sparse_block_shape({1, 4})
      .zeros_per_block(4);
}

SparsifierOptions two_by_three(double level) {
  return DataNormOptions()
      .sparsity_level(level)
      .sparse_block_shape({2, 3})
      .zeros_per_block(6);
}

std::vector<TestData> tensors() {
  return {
      {"1x10", torch::randn({1, 10}), {}},
      {"4x4", torch::randn({4, 4}), {}},
      {"1x5", torch::randn({1, 5}), {}},
      {"1x2", torch::randn({1, 2}), two_by_three(0.7)},
      {"4x4 too", torch::randn({4, 4}), two_by_three(0.3)}};
}

std::vector<TestData> parameters() {
  const auto parameter = [](int64_t h, int64_t w) {
    return torch::randn({h, w}).requires_grad_();
  };
  return {
      {"1x8", parameter(1, 8), {}},
      {"4x4", parameter(4, 4), {}},
      {"5x5", parameter(5, 5), {}},
      {"10x10", parameter(10, 10), two_by_three(0.7)},
      {"4x4 too", parameter(4, 4), two_by_three(0.3)}};
}

std::vector<TestData> embeddings() {
  using torch::nn::Embedding;
  using torch::nn::EmbeddingBag;
  return {
      {"emb1", Embedding(10, 3), {}},
      {"emb1_bag", EmbeddingBag(10, 3), {}},
      {"emb2", Embedding(20, 3), two_by_three(0.7)},
      {"emb3", EmbeddingBag(15, 3), two_by_three(0.3)}};
}

using Kind = std::vector<TestData> (*)();

class NormTest : public ::testing::TestWithParam<std::tuple<Kind, Norm>> {
 protected:
  Norm norm = std::get<1>(GetParam());
};

/// The zeros that a level allows in a tensor: whole blocks, partial ones at the
/// edges.
void expect_sparsity(
    const torch::Tensor& masked,
    const DataNormOptions& options) {
  const auto block = options.sparse_block_shape();
  const auto ceil_div = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  const int64_t blocks = ceil_div(masked.size(0), block.rows) *
      ceil_div(masked.size(1), block.cols);
  const double dropped = std::nearbyint(blocks * options.sparsity_level());
  const auto numel = static_cast<double>(masked.numel());
  const double zeros = masked.eq(0).sum().item<double>() / numel;
  EXPECT_GE(zeros, dropped / numel);
  EXPECT_LE(
      zeros,
      std::min(
          1.0,
          dropped * std::min(block.size(), options.zeros_per_block()) / numel));
  EXPECT_GT(zeros, 0);
}

// docs/reference.md 7.7, Norm check_step.
TEST_P(NormTest, StepDropsWhatTheLevelSays) {
  torch::manual_seed(1);
  DataNormSparsifier sparsifier(defaults().norm(norm));
  for (const auto& entry : std::get<0>(GetParam())()) {
    sparsifier.add_data(entry.name, entry.data, true, entry.options);
    EXPECT_TRUE(
        sparsifier.get_data(entry.name, false).ne(0).all().item<bool>());
  }
  sparsifier.step();
  for (const auto& group : sparsifier.data_groups()) {
    SCOPED_TRACE(group.name);
    const DataNormOptions options(group.options);
    // 1 of 1 block at level 0.5, half to even, is none.
    const bool rounds_to_none =
        group.data.numel() <= options.sparse_block_shape().size() &&
        options.sparsity_level() <= 0.5;
    if (!rounds_to_none) {
      expect_sparsity(group.masked(), options);
    }
    EXPECT_TRUE(group.data.ne(0).all().item<bool>());
  }
}

// docs/reference.md 7.7, Norm check_step, second half.
TEST_P(NormTest, StaysSparseWhenDataIsReplaced) {
  torch::manual_seed(2);
  auto data = torch::randn({20, 20});
  DataNormSparsifier sparsifier({{"data", data}}, defaults().norm(norm));
  for (int i = 0; i < 100; ++i) {
    {
      const torch::NoGradGuard no_grad;
      data.copy_(torch::randn({20, 20}));
    }
    sparsifier.step();
    const auto masked = sparsifier.get_data("data", false);
    EXPECT_EQ(masked.eq(0).sum().item<int64_t>(), 200);
  }
}

// docs/reference.md 7.7, Norm check_2_4.
TEST_P(NormTest, LevelOneWithTwoZerosInFourIsTwoOfFour) {
  torch::manual_seed(3);
  DataNormSparsifier sparsifier(
      {{"data", torch::randn({4, 4})}},
      DataNormOptions().sparsity_level(1).zeros_per_block(2).norm(norm));
  sparsifier.step();
  EXPECT_TRUE(sparsifier.get_mask("data").sum(1).eq(2).all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(
    Kinds,
    NormTest,
    ::testing::Combine(
        ::testing::Values(&tensors, &parameters, &embeddings),
        ::testing::Values(Norm::L1, Norm::L2)));

/// The data of a recorded special case, if the file has it.
DataNormOptions special_options(const nlohmann::json& test) {
  DataNormOptions options;
  if (test.contains("config") && test["config"].contains("zeros_per_block")) {
    const auto zeros = test["config"]["zeros_per_block"].get<std::string>();
    options.zeros_per_block(std::stoll(zeros));
  }
  return options;
}

// data_norm.json, "special": errors of the reference are errors here, except
// for the 1x1 tensor, which fails there for its squeezed shape
// (docs/reference.md 6.2), and data that C++ cannot pass.
TEST(DataNormGolden, SpecialCases) {
  const auto file = golden("data_norm.json");
  int refused = 0;
  for (const auto& test : file["special"]) {
    const auto kind = test["kind"].get<std::string>();
    if (!test["result"].contains("error") || kind == "1x1" ||
        kind == "unsupported list") {
      continue;
    }
    ++refused;
    EXPECT_NE(
        message_of([&] {
          auto options = special_options(test);
          if (kind == "norm L3") {
            options.set("norm", 3);
          }
          DataNormSparsifier sparsifier(options);
          const auto shape = test["data_shape"].get<std::vector<int64_t>>();
          sparsifier.add_data("t", torch::randn(shape));
        }),
        "")
        << kind;
  }
  EXPECT_EQ(refused, 4);
  DataNormSparsifier sparsifier({{"one", torch::ones({1, 1})}});
  sparsifier.step();
  EXPECT_TRUE(sparsifier.get_mask("one").item<bool>());
}

// data_norm.json, "sequence". Quirk 31: masks come from the original data, so
// what was dropped can return.
TEST(DataNormGolden, SequenceOfTheReference) {
  const auto file = golden("data_norm.json");
  auto data = torch::zeros({4, 8});
  DataNormSparsifier sparsifier({{"t", data}});
  for (const auto& step : file["sequence"]) {
    data.copy_(golden_tensor(step["original"]));
    sparsifier.step();
    EXPECT_EQ(
        bits_of(sparsifier.get_mask("t")),
        step["mask"]["bits"].get<std::string>());
    EXPECT_TRUE(
        sparsifier.get_data("t", false).equal(golden_tensor(step["masked"])));
    EXPECT_TRUE(
        sparsifier.get_data("t").equal(golden_tensor(step["original"])));
  }
}

// Quirk 30: the reference's step succeeds, the next access fails.
TEST(DataNormShapes, MasksWhatTheReferenceSqueezes) {
  torch::manual_seed(4);
  for (const auto& shape :
       std::vector<std::vector<int64_t>>{{8}, {8, 1}, {1, 4, 4}, {4, 1, 4}}) {
    const auto data = torch::randn(shape);
    DataNormSparsifier sparsifier({{"t", data}});
    sparsifier.step();
    const auto masked = sparsifier.get_data("t", false);
    EXPECT_EQ(masked.sizes(), data.sizes());
    EXPECT_EQ(masked.eq(0).sum().item<int64_t>(), data.numel() / 2);
  }
}

// Quirk 28: a schedule that leaves [0, 1] is clamped.
TEST(DataNormLevels, OfASchedulerAreClamped) {
  DataNormSparsifier sparsifier({{"t", torch::randn({4, 8})}});
  sparsifier.set_sparsity_levels({-0.5});
  sparsifier.step();
  EXPECT_TRUE(sparsifier.get_mask("t").all().item<bool>());
  sparsifier.set_sparsity_levels({1.5});
  sparsifier.step();
  EXPECT_FALSE(sparsifier.get_mask("t").any().item<bool>());
}

// Quirk 8, which the data sparsifier has too.
TEST(DataNormOptionsOfData, ZerosPerBlockFollowTheBlockShape) {
  DataNormSparsifier sparsifier(DataNormOptions().sparsity_level(1));
  sparsifier.add_data(
      "t",
      torch::randn({4, 6}),
      true,
      DataNormOptions().sparse_block_shape({2, 3}));
  EXPECT_EQ(sparsifier.options("t").at("zeros_per_block").toInt(), 6);
  sparsifier.step();
  EXPECT_FALSE(sparsifier.get_mask("t").any().item<bool>());
}

TEST(DataNormOptionsOfData, TheNormIsTheDatasOwnAndSaved) {
  const auto data =
      torch::tensor({{3.f, 0.1f, 0.1f, 0.1f, 1.f, 1.f, 1.f, 1.f}});
  DataNormSparsifier sparsifier;
  sparsifier.add_data("l1", data);
  sparsifier.add_data("l2", data, true, DataNormOptions().norm(Norm::L2));
  sparsifier.set_sparsity_levels({0.6, 0.6}); // one of two blocks
  DataNormSparsifier other;
  other.load_state_dict(sparsifier.state_dict());
  other.step();
  // Sums 3.3 < 4, squares 9.03 > 4.
  EXPECT_EQ(bits_of(other.get_mask("l1")), "00001111");
  EXPECT_EQ(bits_of(other.get_mask("l2")), "11110000");
}

TEST(DataNormPrinting, LooksLikeTheReference) {
  DataNormSparsifier sparsifier(
      {{"a", torch::randn({4, 4})}, {"b", torch::randn({4, 4})}});
  sparsifier.set_options("b", DataNormOptions().sparsity_level(0.3));
  std::ostringstream text;
  text << sparsifier;
  EXPECT_EQ(
      text.str(),
      "DataNormSparsifier (\n"
      "\tData Group\n"
      "\t    name: a\n"
      "\t    sparse_block_shape: (1, 4)\n"
      "\t    sparsity_level: 0.5\n"
      "\t    zeros_per_block: 4\n"
      "\n"
      "\tData Group\n"
      "\t    name: b\n"
      "\t    sparse_block_shape: (1, 4)\n"
      "\t    sparsity_level: 0.3\n"
      "\t    zeros_per_block: 4\n"
      ")");
}

} // namespace
} // namespace coppice::data_norm_sparsifier_test
