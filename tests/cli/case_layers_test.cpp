// Layers of public reports through `coppice compile`: which are measured, which
// are not replaced, and why.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <map>

#include "cli/case_models.h"

namespace coppice::cli::case_layers_test {
namespace {

class CaseLayers : public CaseModels {
 protected:
  /// Checks that a layer that becomes several times as fast is replaced;
  /// reliable on a busy machine if measured long enough.
  void expect_faster(
      const std::string& name,
      const std::string& input,
      const std::string& layer) const {
    std::string format;
    for (const std::string seconds : {"0.05", "0.5", "2"}) {
      const auto report = compiled(name, {"--input", input}, seconds);
      format = row_of(report["layers"], "layer", layer)["format"];
      if (format.rfind("libtorch", 0) != 0) {
        return;
      }
    }
    ADD_FAILURE() << "layer " << layer << " of " << name << " stays";
  }
};

using ::testing::HasSubstr;

/// Whether a layer was measured, whatever was chosen. Other reasons are in
/// brackets, too.
bool was_measured(const std::string& format) {
  return format.find('(') == std::string::npos ||
      format.find("makes the whole model slower") != std::string::npos;
}

/// The format of a layer and the reason for it.
std::string format_of(const nlohmann::json& report, const std::string& layer) {
  return row_of(report["layers"], "layer", layer)["format"];
}

TEST_F(CaseLayers, ConvolutionsOfAllKindsHaveARow) {
  make("t10_convs.py");
  struct Net {
    std::string name;
    std::vector<int64_t> shape;
    std::vector<std::string> kinds;
    std::map<std::string, std::string> left{}; ///< A layer's name and why.
  };
  const std::vector<std::string> three{"conv2d", "conv2d", "conv2d"};
  const std::vector<Net> nets{
      {"transposed",
       {1, 3, 16, 16},
       {"conv2d", "conv_transpose2d", "conv2d"},
       {{"2", "libtorch (transposed convolution)"}}},
      {"same", {1, 3, 20, 20}, three},
      {"modes", {1, 3, 16, 16}, three},
      {"groups",
       {1, 8, 16, 16},
       three,
       {{"0", "libtorch (4 groups)"}, {"1", "libtorch (32 groups)"}}},
      {"conv1d", {1, 8, 50}, three},
      {"conv3d",
       {1, 3, 8, 8, 8},
       {"conv3d", "linear"},
       {{"0", "libtorch (three dimensions)"}}},
      {"unbatched", {3, 16, 16}, {"conv2d", "conv2d"}},
      {"bilinear", {4, 64}, {"linear", "linear"}}};
  for (const auto& net : nets) {
    SCOPED_TRACE(net.name);
    const auto name = "t10_" + net.name + ".pt";
    const auto shape = read_file(file("t10_" + net.name + ".shape"));
    std::vector<std::string> kinds;
    std::map<std::string, std::string> left;
    const auto report = compiled(name, {"--input", shape});
    for (const auto& row : report["layers"]) {
      if (row["kind"] == "batch_norm") {
        continue; // Newer versions of LibTorch fold it into the layer.
      }
      kinds.push_back(row["kind"]);
      const std::string format = row["format"];
      if (!was_measured(format)) {
        left[row["layer"]] = format;
      }
    }
    EXPECT_EQ(kinds, net.kinds);
    EXPECT_EQ(left, net.left);
    expect_same_outputs(file(name), {torch::randn(net.shape)});
  }
  expect_faster("t10_same.pt", "1x3x20x20", "1");
}

TEST_F(CaseLayers, OfOtherTypesStayOrAreRefusedWithAReason) {
  make("t13_dtypes.py");
  const auto x = torch::randn({4, 64});
  for (const std::string name : {"t13_bf16.pt", "t13_double.pt"}) {
    const auto report = compiled(name, {"--input", "4x64"});
    EXPECT_EQ(format_of(report, "a"), "libtorch (not float32)") << name;
    EXPECT_EQ(format_of(report, "b"), "libtorch (not float32)") << name;
    expect_same_outputs(file(name), {x});
  }
  const auto report = compiled("t13_mixed.pt", {"--input", "4x64"});
  EXPECT_TRUE(was_measured(format_of(report, "a")));
  EXPECT_EQ(format_of(report, "b"), "libtorch (not float32)");
  expect_same_outputs(file("t13_mixed.pt"), {x});
  std::filesystem::remove(out_);
  try { // Newer versions of LibTorch multiply half precision on the CPU.
    torch::jit::load(file("t13_half.pt")).forward({x});
    compiled("t13_half.pt", {"--input", "4x64"});
  } catch (const std::exception&) {
    expect_refused(
        compile_on("t13_half.pt", "4x64"), "convert the model to float32");
  }
}

TEST_F(CaseLayers, OfAModelThatAsksForAGpuAreRefused) {
  if (torch::cuda::is_available()) {
    GTEST_SKIP() << "this LibTorch has a GPU";
  }
  make("t14_cuda_const.py");
  const auto outcome = compile_on("t14.pt", "4x64");
  expect_refused(outcome, "asks for a GPU");
  EXPECT_THAT(outcome.err, HasSubstr("trace the model on the CPU"));
}

TEST_F(CaseLayers, ThatRunTwiceCountOnce) {
  make("t16_containers.py");
  const auto report = compiled("t16.pt", {"--input", "4x64"});
  constexpr int64_t kWeights = 9; // Of 64x64 float32, for ten runs of layers.
  EXPECT_EQ(report["layers"].size(), 10U);
  int64_t bytes = 0;
  for (const auto& row : report["layers"]) {
    bytes += row["bytes_before"].get<int64_t>();
  }
  EXPECT_EQ(bytes, kWeights * 64 * 64 * 4);
  expect_same_outputs(file("t16.pt"), {torch::randn({4, 64})});
}

TEST_F(CaseLayers, OfHookedFrozenAndLiteModels) {
  make("t24_misc.py");
  expect_refused(compile_on("t24_function.pt", "4x64"), "no linear layer");
  expect_refused(compile_on("t24_noforward.pt", "4x64"), "no method `forward`");
  if (std::filesystem::exists(file("t24_mobile.ptl"))) {
    expect_refused(
        compile_on("t24_mobile.ptl", "4x64"),
        "compile the original of a model");
  }
  const auto x = torch::randn({4, 64});
  for (const std::string name :
       {"t24_frozen.pt", "t24_lite.ptl", "t24_hook.pt"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(compiled(name, {"--input", "4x64"})["layers"].size(), 2U);
    expect_same_outputs(file(name), {x});
  }
  // The hook doubles the layers' inputs.
  auto result = torch::jit::load(out_);
  const auto called = result({x}).toTensor();
  expect_same(called, result.forward({2 * x}));
}

} // namespace
} // namespace coppice::cli::case_layers_test
