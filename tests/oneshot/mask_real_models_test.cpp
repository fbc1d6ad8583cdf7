// Activations of real TorchScript models: with control flow, state, recurrent
// layers and tied weights, scripted in several versions of PyTorch.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <fstream>
#include <sstream>

#include "coppice/oneshot/mask_activations.h"

namespace coppice::mask_real_models_test {
namespace {

struct RealModel {
  const char* file;
  std::vector<std::string> layers;
  std::vector<c10::IValue> (*inputs)();
};

std::ostream& operator<<(std::ostream& stream, const RealModel& model) {
  return stream << model.file;
}

std::vector<c10::IValue> tokens() {
  return {torch::randint(120, {64}, torch::kLong)};
}

const RealModel kModels[] = {
    {"mnist_6_200_nat.ts.pt",
     {"*"},
     [] {
       return std::vector<c10::IValue>{torch::rand({40, 784})};
     }},
    {"resnet20_cifar10.ts.pt",
     {"layer*conv2", "linear"},
     [] {
       return std::vector<c10::IValue>{torch::randn({9, 3, 32, 32})};
     }},
    {"dscnn_kws12.ts.pt",
     {"*pointwise"},
     [] {
       return std::vector<c10::IValue>{torch::randn({9, 1, 49, 10})};
     }},
    {"dqn_CartPole-v1.ts.pt",
     {"q_net.*"},
     [] {
       return std::vector<c10::IValue>{torch::randn({50, 4})};
     }},
    {"stories260K.ts.pt", {"layers.0.*", "output"}, tokens},
    {"stories260K_tied.ts.pt", {"*"}, tokens},
    {"silero_vad.jit",
     {"_model.*"},
     [] {
       return std::vector<c10::IValue>{0.1 * torch::randn({8, 512}), 16000};
     }},
};

class MaskRealModel : public ::testing::TestWithParam<RealModel> {
 protected:
  void SetUp() override {
    if (!std::ifstream(path_)) {
      GTEST_SKIP() << path_ << " is missing";
    }
    torch::manual_seed(1);
    inputs_ = GetParam().inputs();
    options_.layers = GetParam().layers;
    options_.sparsity_level = 0.25;
    options_.batch = 8;
  }

  c10::IValue run(torch::jit::Module module) const {
    const torch::NoGradGuard no_grad;
    module.eval();
    std::vector<c10::IValue> inputs;
    for (const auto& input : inputs_) {
      inputs.push_back(
          input.isTensor() ? c10::IValue(input.toTensor().slice(0, 0, 8))
                           : input);
    }
    return module.forward(inputs);
  }

  const std::string path_ =
      std::string(COPPICE_SHARED) + "/data/models/" + GetParam().file;
  std::vector<c10::IValue> inputs_;
  MaskActivationsOptions options_;
};

TEST_P(MaskRealModel, IsMaskedSavedAndRunAgain) {
  torch::jit::Module masked;
  const auto rows =
      mask_activations(torch::jit::load(path_), inputs_, options_, masked);
  int64_t count = 0;
  double lost = 0;
  for (const auto& row : rows) {
    if (row.left_because.empty() && row.shape != std::vector<int64_t>{1, 1}) {
      ++count;
      lost += 1 - row.energy_kept;
      EXPECT_NEAR(row.masked, 0.25, 0.13) << row.layer;
      EXPECT_GE(row.energy_kept, 0.3) << row.layer;
    }
  }
  EXPECT_GE(count, static_cast<int64_t>(GetParam().layers.size()));
  std::stringstream file;
  masked.save(file);
  EXPECT_EQ(file.str().find("coppice"), std::string::npos);
  const auto output = run(torch::jit::load(file)).toTensor();
  EXPECT_TRUE(output.isfinite().all().item<bool>());
  const bool is_same = output.equal(run(torch::jit::load(path_)).toTensor());
  EXPECT_EQ(is_same, lost == 0);
}

TEST_P(MaskRealModel, ComputesTheSameWhereNothingIsMasked) {
  options_.sparsity_level = 0;
  torch::jit::Module masked;
  mask_activations(torch::jit::load(path_), inputs_, options_, masked);
  std::stringstream file;
  masked.save(file);
  EXPECT_TRUE(run(torch::jit::load(file))
                  .toTensor()
                  .equal(run(torch::jit::load(path_)).toTensor()));
}

INSTANTIATE_TEST_SUITE_P(Files, MaskRealModel, ::testing::ValuesIn(kModels));

} // namespace
} // namespace coppice::mask_real_models_test
