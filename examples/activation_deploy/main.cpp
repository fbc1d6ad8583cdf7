// Masks the activations of a TorchScript file from C++: loads it, runs samples,
// masks what is small, and saves a file that any LibTorch or PyTorch runs.
//
//   cmake -S examples/activation_deploy -B build/example \
//     -DCMAKE_PREFIX_PATH=<where Coppice is installed>
//   cmake --build build/example && build/example/activation_deploy
//
// You should see:
//
//   fc2: 32 of 64 activations are masked
//   largest change of an output: 1.8
//   written to /tmp/coppice_masked.pt
//
// The digits differ between versions of LibTorch.
#include <coppice/coppice.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace {

/// A stand-in for a file from elsewhere, perhaps from Python.
void make_file(const std::string& path) {
  torch::jit::Module net("Net");
  for (const auto* name : {"fc1", "fc2"}) {
    torch::jit::Module layer("Linear");
    layer.register_parameter("weight", torch::randn({64, 64}) / 8, false);
    layer.define("def forward(self, x):\n  return x @ self.weight.t()\n");
    net.register_module(name, layer);
  }
  net.define(
      "def forward(self, x):\n"
      "  return self.fc2.forward(torch.relu(self.fc1.forward(x)))\n");
  net.save(path);
}

} // namespace

int main() {
  torch::NoGradGuard no_grad;
  torch::manual_seed(0);
  const auto folder = std::filesystem::temp_directory_path();
  const std::string file = folder / "coppice_activation_deploy.pt";
  make_file(file);

  // A copy with a site at the input of `fc2`.
  auto model = torch::jit::load(file);
  auto watched = coppice::with_activation_sites(model, {"fc2"});

  coppice::ActivationSparsifier sparsifier(
      coppice::activation_layers(watched),
      coppice::ActivationOptions()
          .aggregate_fn(coppice::aggregate_abs_sum())
          .reduce_fn(coppice::reduce_mean())
          .mask_fn(coppice::mask_magnitude())
          .set("sparsity_level", 0.5));
  sparsifier.register_layer("fc2");
  for (int batch = 0; batch < 20; ++batch) {
    watched.forward({torch::randn({32, 64})}); // your samples
  }
  sparsifier.step();        // a mask of the aggregate
  sparsifier.squash_mask(); // from now on it is applied

  const auto mask = sparsifier.get_mask("fc2").masks.at(0);
  std::printf(
      "fc2: %d of %d activations are masked\n",
      static_cast<int>(coppice::count_zeros(mask)),
      static_cast<int>(mask.numel()));
  const auto x = torch::randn({8, 64});
  const auto change =
      model.forward({x}).toTensor() - watched.forward({x}).toTensor();
  std::printf(
      "largest change of an output: %.1f\n", change.abs().max().item<double>());

  // The mask becomes a constant of the graph, which runs without Coppice.
  const std::string masked = folder / "coppice_masked.pt";
  coppice::without_activation_sites(watched).save(masked);
  std::printf("written to %s\n", masked.c_str());
  std::filesystem::remove(file);
  std::filesystem::remove(masked);
}
