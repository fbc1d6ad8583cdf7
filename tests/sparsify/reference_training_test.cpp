// The whole loop beside the reference itself, where python3-torch is installed:
// the same data, weights and schedule must give the same weights, bit for bit.

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "coppice/schedule/cubic_sl.h"
#include "coppice/sparsify/weight_norm_sparsifier.h"
#include "support/models.h"

namespace coppice {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kEpochs = 6;
constexpr int64_t kSteps = 4;

// Debian's own interpreter: another python3 on the path would not see Debian's
// python3-torch.
constexpr const char* kPython = "/usr/bin/python3";

bool has_reference() {
  const std::string check =
      std::string(kPython) + " -c 'import torch' 2>/dev/null";
  return std::system(check.c_str()) == 0;
}

void write(const fs::path& path, const c10::IValue& value) {
  const auto bytes = torch::pickle_save(value);
  std::ofstream(path, std::ios::binary).write(bytes.data(), bytes.size());
}

c10::IValue read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return torch::pickle_load(
      {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
}

TEST(ReferenceTraining, GivesTheSameWeightsBitForBit) {
  if (!has_reference()) {
    GTEST_SKIP() << "python3-torch is not installed (script/bootstrap "
                    "--with-reference)";
  }
  torch::manual_seed(7);
  const auto x = torch::randn({32, 12});
  const auto y = torch::randn({32, 6});
  torch::nn::Sequential model(
      testing::linear_without_bias(12, 16),
      torch::nn::Tanh(),
      testing::linear_without_bias(16, 6));
  const auto weights = model->parameters();

  c10::impl::GenericDict given(c10::StringType::get(), c10::AnyType::get());
  given.insert("x", x);
  given.insert("y", y);
  given.insert("w0", weights[0].detach().clone());
  given.insert("w1", weights[1].detach().clone());
  given.insert("epochs", kEpochs);
  given.insert("steps", kSteps);
  const auto folder = fs::temp_directory_path() /
      ("coppice_reference_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  write(folder / "in.pt", given);

  torch::optim::SGD optimizer(
      weights, torch::optim::SGDOptions(0.1).momentum(0.9).weight_decay(0.01));
  WeightNormSparsifier sparsifier(
      WeightNormOptions().sparsity_level(0.75).sparse_block_shape({1, 2}));
  sparsifier.prepare(*model, {{"0.weight"}, {"2.weight"}});
  sparsifier.protect(optimizer);
  CubicSL schedule(sparsifier, CubicSLOptions().total_steps(kEpochs - 1));
  std::vector<double> levels;
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    for (int64_t step = 0; step < kSteps; ++step) {
      optimizer.zero_grad();
      (model->forward(x) - y).pow(2).mean().backward();
      optimizer.step();
    }
    sparsifier.step();
    levels.push_back(sparsifier.sparsity_levels()[0]);
    schedule.step();
  }
  sparsifier.squash_mask();

  const std::string command = std::string(kPython) + " '" +
      COPPICE_TESTS "/sparsify/reference_training.py' '" +
      (folder / "in.pt").string() + "' '" + (folder / "out.pt").string() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  const auto theirs = read(folder / "out.pt").toGenericDict();
  fs::remove_all(folder);
  EXPECT_TRUE(theirs.at("levels").toTensor().equal(
      torch::tensor(levels, torch::kDouble)));
  EXPECT_TRUE(theirs.at("w0").toTensor().equal(weights[0]));
  EXPECT_TRUE(theirs.at("w1").toTensor().equal(weights[1]));
  EXPECT_EQ(weights[0].eq(0).sum().item<int64_t>(), 16 * 12 * 3 / 4);
}

} // namespace
} // namespace coppice
