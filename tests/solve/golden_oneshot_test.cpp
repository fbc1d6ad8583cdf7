// All cases of golden/oneshot: weights, inputs and the results of each method.
// See its README.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "coppice/io/checkpoint.h"
#include "coppice/model/torch_tensors.h"
#include "coppice/schedule/allocation.h"
#include "coppice/solve/admm.h"
#include "coppice/solve/patches.h"
#include "coppice/solve/solvers.h"
#include "coppice/solve/swaps.h"

namespace coppice::golden_oneshot_test {
namespace {

using nlohmann::json;
using torch::Tensor;

/// One file.
struct Case {
  json about;
  std::map<std::string, Tensor> tensors;

  const Tensor& operator[](const std::string& name) const {
    return tensors.at(name);
  }
  double option(const char* name, double otherwise) const {
    return about["options"].value(name, otherwise);
  }
  bool has(const char* name) const {
    return tensors.count(name) != 0;
  }
};

const std::filesystem::path kFolder = COPPICE_TESTS "/data/golden/oneshot";

Case case_of(const std::string& name) {
  const auto file = open_checkpoint(kFolder / (name + ".safetensors"));
  Case found;
  found.about = json::parse(file.state.metadata.at("case"));
  for (const auto& tensor : file.state.tensors) {
    found.tensors[tensor.name] = as_tensor(tensor);
  }
  return found;
}

Selection selection_of(const json& pattern) {
  const auto kind = pattern.at("kind").get<std::string>();
  if (kind == "nm") {
    return Selection(Nm{pattern["n"], pattern["m"]});
  }
  auto selection = Selection().sparsity(pattern["sparsity"]);
  if (kind == "block") {
    selection.pattern(BlockShape{pattern["rows"], pattern["cols"]});
  }
  if (kind == "row" || pattern.value("scope", "layer") == "row") {
    selection.among(Selection::Among::Row);
  }
  return selection;
}

Solved solved(
    const Case& the_case,
    const Tensor& weight,
    const SecondMoments& moments) {
  const auto selection = selection_of(the_case.about["pattern"]);
  const auto method = the_case.about["method"].get<std::string>();
  const auto& options = the_case.about["options"];
  const bool preserves = options.value("preserve", false);
  if (method == "wanda") {
    return solve_wanda(
        weight, moments, selection, WandaOptions().preserve_zeros(preserves));
  }
  if (method == "sparsegpt") {
    return solve_sparsegpt(
        weight,
        moments,
        selection,
        SparseGPTOptions()
            .block_size(options["blocksize"])
            .dampening(options["damp"])
            .preserve_zeros(preserves)
            .by_activation(options.value("order", "") == "desc")
            .as_published(options.value("count", "") == "reference"));
  }
  if (method == "admm") {
    return solve_admm(
        weight,
        moments,
        selection,
        ADMMOptions()
            .steps(options["iters"])
            .gradual_steps(options["gradual"])
            .dampening(options["damp"]));
  }
  return solve_alps(weight, moments, selection);
}

/// One for each group of a convolution.
std::vector<SecondMoments> moments_of(const Case& the_case) {
  if (the_case.has("gram")) {
    return {SecondMoments::of_matrix(the_case["gram"])};
  }
  const auto& weight = the_case["weight"];
  const auto& inputs = the_case["inputs"];
  if (!the_case.about.contains("conv")) {
    SecondMoments moments(weight.size(1));
    // In several calls, like batches.
    for (const auto& batch : inputs.split(7)) {
      moments.add(batch);
    }
    return {moments};
  }
  const auto& conv = the_case.about["conv"];
  PatchOptions options;
  options.kernel({weight.size(2), weight.size(3)})
      .stride({conv["stride"], conv["stride"]})
      .padding({conv["padding"], conv["padding"]})
      .dilation({conv["dilation"], conv["dilation"]})
      .groups(conv["groups"]);
  auto moments = patch_moments(weight.size(1), options);
  for (const auto& batch : inputs.split(2)) {
    add_patches(moments, batch, options);
  }
  return moments;
}

void expect_as_recorded(const Case& the_case, const Solved& result) {
  const auto& mask = the_case["expect.mask"];
  const auto& weight = the_case["expect.weight"];
  EXPECT_EQ(result.weight.scalar_type(), weight.scalar_type());
  EXPECT_TRUE(result.weight.masked_select(result.mask.logical_not())
                  .eq(0)
                  .all()
                  .item<bool>());
  EXPECT_TRUE(result.mask.equal(mask))
      << result.mask.ne(mask).sum().item<int64_t>() << " differ";
  const auto gap =
      (result.weight.to(torch::kDouble) - weight.to(torch::kDouble))
          .abs()
          .div_(
              weight.scalar_type() == torch::kFloat
                  ? at::ones_like(weight, torch::kDouble)
                  : weight.abs().to(torch::kDouble))
          .nan_to_num(0)
          .max()
          .item<double>();
  // One unit in the last place of a bfloat16: 2^-7.
  EXPECT_LE(gap, weight.scalar_type() == torch::kFloat ? 2e-4 : 1.0 / 128);
}

/// Methods that search their mask iteratively.
void expect_as_good(
    const Case& the_case,
    const Solved& result,
    const SecondMoments& moments) {
  const auto& mask = the_case["expect.mask"];
  EXPECT_LE(result.mask.ne(mask).sum().item<int64_t>(), mask.numel() / 50);
  EXPECT_EQ(
      result.mask.sum().item<int64_t>(),
      the_case.about["expect"]["kept"].get<int64_t>());
  EXPECT_LE(
      relative_layer_error(the_case["weight"], result.weight, moments),
      1.02 * the_case.about["expect"]["relative_error"].get<double>());
}

class GoldenOneshot : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenOneshot, GivesWhatIsRecorded) {
  const auto the_case = case_of(GetParam());
  const auto moments = moments_of(the_case);
  const auto result = solve_groups(
      the_case["weight"],
      moments,
      [&](const Tensor& weight, const SecondMoments& own) {
        return solved(the_case, weight, own);
      });
  const auto method = the_case.about["method"].get<std::string>();
  if (method == "alps" || method == "admm") {
    expect_as_good(the_case, result, moments[0]);
  } else {
    expect_as_recorded(the_case, result);
  }
}

/// The cases of methods that choose a mask.
std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const auto& file : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = file.path().stem();
    for (const char* start : {"wanda", "sparsegpt", "alps", "admm", "conv"}) {
      if (name.rfind(start, 0) == 0) {
        found.push_back(name);
      }
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

INSTANTIATE_TEST_SUITE_P(
    Cases,
    GoldenOneshot,
    ::testing::ValuesIn(names()),
    [](const auto& info) { return info.param; });

TEST(GoldenRefit, LeastSquaresOnAMask) {
  const auto the_case = case_of("refit");
  const auto gap = [&](torch::ScalarType dtype, int64_t steps, auto expected) {
    SecondMoments moments(the_case["weight"].size(1));
    moments.add(the_case["inputs"].to(dtype));
    const auto result = refit(
        the_case["weight"].to(dtype),
        moments,
        the_case["mask"],
        RefitOptions().dampening(0.01).steps(steps));
    return (result.weight - the_case[expected])
        .abs()
        .max()
        .template item<double>();
  };
  // In float32, ten steps do not converge, and differ by 4e-4; in PyTorch too.
  EXPECT_LE(gap(torch::kDouble, 10, "expect.cg10"), 1e-6);
  EXPECT_LE(gap(torch::kFloat, 10, "expect.cg10"), 1e-3);
  EXPECT_LE(gap(torch::kFloat, 100, "expect.weight"), 2e-4);
}

TEST(GoldenSwaps, LowerTheErrorOfAMask) {
  const auto the_case = case_of("swaps");
  const auto moments = moments_of(the_case)[0];
  const auto& weight = the_case["weight"];
  const auto result = swap_mask(
      weight,
      moments,
      the_case["mask"],
      the_case.about["options"]["max_swaps"]);
  EXPECT_TRUE(result.mask.equal(the_case["expect.mask"]));
  EXPECT_EQ(result.swaps, the_case.about["expect"]["swaps"].get<int64_t>());
  const auto expected =
      the_case.about["expect"]["relative_error"].get<double>();
  EXPECT_NEAR(
      relative_layer_error(weight, weight * result.mask, moments),
      expected,
      1e-3 * expected);
}

TEST(GoldenAllocation, ErkOwlAndCheapest) {
  const auto the_case = case_of("allocation");
  const auto& given = the_case.about["options"];
  const auto& expected = the_case.about["expect"];
  const auto is = [&](const char* name) {
    return ::testing::Pointwise(
        ::testing::DoubleNear(1e-9), expected[name].get<std::vector<double>>());
  };
  EXPECT_THAT(erk_levels(given["shapes"], given["sparsity"]), is("erk"));
  std::vector<Tensor> scores;
  for (int i = 0; i < 4; ++i) {
    scores.push_back(the_case["scores" + std::to_string(i)]);
  }
  EXPECT_THAT(
      owl_levels(
          scores,
          given["sparsity"],
          OwlOptions{given["owl_m"], given["owl_lambda"]}),
      is("owl"));
  EXPECT_THAT(
      cheapest_levels(
          given["costs"], given["sizes"], given["levels"], given["target"]),
      is("hull"));
}

TEST(GoldenDampening, IsRaisedUntilTheMatrixIsDefinite) {
  const auto the_case = case_of("sparsegpt_not_definite");
  const auto result = solve_sparsegpt(
      the_case["weight"],
      moments_of(the_case)[0],
      Selection().sparsity(0.5),
      SparseGPTOptions().block_size(16).dampening(0.01));
  EXPECT_DOUBLE_EQ(result.dampening, 0.1);
  expect_as_recorded(the_case, result);
}

struct TwoLayers : ::testing::Test {
  Case the_case = case_of("two_layers");
  Tensor x = the_case["inputs"];

  Tensor hidden(const Tensor& weight) const {
    return at::linear(x, weight, the_case["bias1"]).relu();
  }
  static SecondMoments of(const Tensor& rows) {
    SecondMoments moments(rows.size(-1));
    moments.add(rows);
    return moments;
  }
  void expect(const Solved& result, const char* weight, const char* mask)
      const {
    EXPECT_TRUE(result.mask.equal(the_case[mask])) << mask;
    EXPECT_LE(
        (result.weight - the_case[weight]).abs().max().item<double>(), 2e-4)
        << weight;
  }
  Solved sparse(const Tensor& weight, const SecondMoments& moments) const {
    return solved(the_case, weight, moments);
  }
};

TEST_F(TwoLayers, ParallelSequentialAndDenseOutputs) {
  const auto first = sparse(the_case["weight1"], of(x));
  expect(first, "expect.weight1", "expect.mask1");
  const auto dense = hidden(the_case["weight1"]);
  const auto pruned = hidden(first.weight);
  const auto& weight = the_case["weight2"];
  expect(
      sparse(weight, of(dense)),
      "expect.parallel_weight2",
      "expect.parallel_mask2");
  expect(
      sparse(weight, of(pruned)),
      "expect.sequential_weight2",
      "expect.sequential_mask2");
  const auto target = dense_output_target(
      weight, of(pruned), cross_moments(pruned, dense), 0.01);
  EXPECT_LE(
      (target - the_case["expect.dense_target_weight2"])
          .abs()
          .max()
          .item<double>(),
      2e-4);
  expect(
      sparse(target, of(pruned)),
      "expect.dense_target_pruned2",
      "expect.dense_target_mask2");
}

} // namespace
} // namespace coppice::golden_oneshot_test
