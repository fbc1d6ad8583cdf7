// The masks of `coppice prune --calibration` on any number of threads and in
// any split of the samples into batches.

#include <gtest/gtest.h>
#include <torch/script.h>

#include <array>
#include <map>

#include "cli/child.h"
#include "cli/tensor_file.h"
#include "coppice/io/checkpoint.h"
#include "coppice/model/torch_tensors.h"

namespace coppice::cli::prune_calibration_splits_test {
namespace {

using Tensors = std::map<std::string, torch::Tensor>;

constexpr int64_t kSamples = 1300; // More than one product sums up.
constexpr int64_t kFeatures = 520; // More than a BLAS sums up without a cut.

class PruneInSplits
    : public ::testing::TestWithParam<std::vector<std::string>> {
 protected:
  PruneInSplits() {
    torch::manual_seed(7);
    torch::jit::Module net("Net");
    net.register_parameter("conv", torch::randn({6, 4, 3}), false);
    net.register_parameter("wide", torch::randn({48, kFeatures}), false);
    net.register_parameter("last", torch::randn({8, 48}), false);
    net.define(R"(
def forward(self, x):
  y = torch.conv1d(x.reshape([-1, 4, 130]), self.conv).mean([1, 2])
  z = torch.relu(torch.linear(x, self.wide))
  return torch.linear(z, self.last) + y.unsqueeze(1)
)");
    net.save(model_);
    // Inputs that depend on one another, as those of real layers.
    const auto x = torch::randn({kSamples, kFeatures})
                       .mm(torch::randn({kFeatures, kFeatures}));
    save_tensors(samples_, {{"x", x / x.std()}});
  }

  Tensors pruned(int threads, int batch) const {
    std::vector<std::string> command{
        "prune",
        model_,
        "-o",
        out_,
        "--include",
        "*",
        "--calibration",
        samples_,
        "--threads",
        std::to_string(threads),
        "--batch",
        std::to_string(batch)};
    command.insert(command.end(), GetParam().begin(), GetParam().end());
    const auto outcome = run_coppice(command);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto file = open_checkpoint(out_);
    Tensors tensors;
    for (const auto& tensor : file.state.tensors) {
      tensors[tensor.name] = as_tensor(tensor).clone();
    }
    return tensors;
  }

  TemporaryFolder folder_;
  std::string model_ = folder_.file("net.pt");
  std::string samples_ = folder_.file("samples.safetensors");
  std::string out_ = folder_.file("out.pt");
};

TEST_P(PruneInSplits, GivesTheSameMasks) {
  const auto once = pruned(1, 32);
  const std::array<std::array<int, 2>, 4> kRuns{
      {{2, 32}, {3, 64}, {1, 7}, {2, 5000}}};
  for (const auto& [threads, batch] : kRuns) {
    const auto again = pruned(threads, batch);
    for (const auto& [name, tensor] : once) {
      EXPECT_TRUE(again.at(name).ne(0).equal(tensor.ne(0)))
          << name << " on " << threads << " threads in batches of " << batch;
    }
    // Only the samples enter it: it has the same bits too, unless its target is
    // computed from them (`--sequential`).
    if (GetParam().back() != "--sequential") {
      EXPECT_TRUE(again.at("wide").equal(once.at("wide")))
          << "on " << threads << " threads in batches of " << batch;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Methods,
    PruneInSplits,
    ::testing::Values(
        std::vector<std::string>{"--sparsity", "0.6", "--method", "magnitude"},
        std::vector<std::string>{"--sparsity", "0.6", "--method", "wanda"},
        std::vector<std::string>{"--sparsity", "0.6", "--method", "sparsegpt"},
        std::vector<std::string>{"--pattern", "2:4", "--method", "sparsegpt"},
        std::vector<std::string>{"--sparsity", "0.6"},
        std::vector<std::string>{"--sparsity", "0.6", "--block", "4x1"},
        std::vector<std::string>{"--sparsity", "0.6", "--sequential"}));

} // namespace
} // namespace coppice::cli::prune_calibration_splits_test
