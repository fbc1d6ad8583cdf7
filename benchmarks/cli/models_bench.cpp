// End to end on trained models: prunes each to 80%, compiles it and times the
// whole, one thread and two. Prints a table of what was gained, and for models
// the layers where LibTorch's own product won.
//
// models_bench FOLDER [--sparsity S] [--seconds S] [--verbose]

#include <coppice/compile/compile.h>
#include <coppice/io/checkpoint.h>
#include <coppice/model/torch_tensors.h>
#include <coppice/oneshot/prune_checkpoint.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "compile/threads.h"

namespace coppice::bench {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string folder;
  double sparsity = 0.8;
  double seconds = 1;
  bool verbose = false;
};

/// A trained model and what it takes. `batch` names what dimension 0 is.
struct Trained {
  std::string name;
  std::string file;
  std::vector<int64_t> shape; ///< Of an input, without dimension 0.
  std::vector<int64_t> batches;
  bool takes_tokens = false;
};

const std::vector<Trained>& all_trained() {
  static const std::vector<Trained> all{
      {"MLP 784-200x5-10", "mnist_6_200_nat.ts.pt", {784}, {1, 32}},
      {"LeNet-5", "lenet_mnist_99.pth", {1, 32, 32}, {1, 32}},
      {"ResNet-20", "resnet20_cifar10.ts.pt", {3, 32, 32}, {1, 32}},
      {"DS-CNN keyword spotter", "dscnn_kws12.ts.pt", {1, 49, 10}, {1, 32}},
      // It keeps no state, so that its 64th token is made of 64.
      {"Llama 260K, tokens", "stories260K.ts.pt", {}, {1, 64}, true}};
  return all;
}

const char* const kLeNet = R"(
    def forward(self, x):
      x = torch.relu(torch.conv2d(x, self.c1_weight, self.c1_bias))
      x = torch.max_pool2d(x, [2, 2], [2, 2])
      x = torch.relu(torch.conv2d(x, self.c3_weight, self.c3_bias))
      x = torch.max_pool2d(x, [2, 2], [2, 2])
      x = torch.relu(torch.conv2d(x, self.c5_weight, self.c5_bias))
      x = torch.relu(torch.linear(x.flatten(1), self.f6_weight, self.f6_bias))
      return torch.log_softmax(
          torch.linear(x, self.f7_weight, self.f7_bias), -1)
)";

/// LeNet-5, whose checkpoint holds no code: "convnet.c1.weight" -> `c1_weight`.
torch::jit::Module lenet(const Checkpoint& checkpoint) {
  torch::jit::Module net("LeNet");
  for (const auto& tensor : checkpoint.state.tensors) {
    auto name = tensor.name.substr(tensor.name.find('.') + 1);
    std::replace(name.begin(), name.end(), '.', '_');
    net.register_parameter(name, as_tensor(tensor).clone(), false);
  }
  net.define(kLeNet);
  return net;
}

torch::jit::Module
pruned(const Trained& trained, const Options& options, const std::string& out) {
  const auto input = open_checkpoint(options.folder + "/" + trained.file);
  PruneModifier modifier;
  modifier.pattern = weight_norm_pattern(BlockShape{1, 1}, options.sparsity);
  prune_checkpoint(input, {modifier}, out);
  const auto written = open_checkpoint(out);
  return written.format == CheckpointFormat::TorchScript ? torch::jit::load(out)
                                                         : lenet(written);
}

torch::Tensor example_of(const Trained& trained) {
  torch::manual_seed(0);
  if (trained.takes_tokens) {
    return torch::randint(512, {1}, torch::kLong);
  }
  auto shape = trained.shape;
  shape.insert(shape.begin(), 1);
  return torch::randn(shape);
}

void print_rows(
    const Trained& trained,
    const CompiledModel& compiled,
    int threads) {
  for (size_t i = 0; i < compiled.timings.size(); ++i) {
    const auto& timing = compiled.timings[i];
    const auto dense = std::count_if(
        compiled.layers.begin(), compiled.layers.end(), [](const auto& layer) {
          return layer.format == "libtorch";
        });
    std::printf(
        "| %s | %d | %d | %.1f | %.1f | %.2f | %d | %d |\n",
        trained.name.c_str(),
        threads,
        static_cast<int>(timing.batch),
        timing.before,
        timing.after,
        timing.before / timing.after,
        static_cast<int>(compiled.layers.size() - dense),
        static_cast<int>(dense));
  }
  std::fflush(stdout);
}

void measure(
    const Trained& trained,
    const Options& options,
    const std::string& out) {
  const auto model = pruned(trained, options, out);
  for (const int threads : {1, 2}) {
    use_threads(threads);
    for (const int64_t batch : trained.batches) {
      const auto compiled = compile(
          model,
          {example_of(trained)},
          CompileOptions().batches({batch}).cache("").seconds_per_layer(
              options.seconds));
      print_rows(trained, compiled, threads);
      if (options.verbose) {
        std::fprintf(stderr, "%s\n", compiled.table().c_str());
      }
    }
  }
}

int run(const Options& options) {
  const auto here =
      fs::temp_directory_path() / fmt::format("coppice-models-{}", getpid());
  std::printf(
      "Trained models pruned to %.0f%%, before and after compile, medians of "
      "runs in turn\n\n| model | threads | batch | before us | after us | "
      "ratio "
      "| layers replaced | left dense |\n|---|---|---|---|---|---|---|---|\n",
      100 * options.sparsity);
  for (const auto& trained : all_trained()) {
    if (!fs::exists(options.folder + "/" + trained.file)) {
      std::printf(
          "%s is left out: there is no %s.\n",
          trained.name.c_str(),
          trained.file.c_str());
      continue;
    }
    measure(trained, options, here.string());
    fs::remove(here);
  }
  return 0;
}

Options parsed(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--verbose") {
      options.verbose = true;
    } else if (name == "--sparsity" && i + 1 < argc) {
      options.sparsity = std::atof(argv[++i]);
    } else if (name == "--seconds" && i + 1 < argc) {
      options.seconds = std::atof(argv[++i]);
    } else {
      options.folder = name;
    }
  }
  return options;
}

} // namespace
} // namespace coppice::bench

int main(int argc, char** argv) {
  coppice::bench::limit_idle_spinning(argv);
  const auto options = coppice::bench::parsed(argc, argv);
  if (!std::filesystem::is_directory(options.folder)) {
    std::printf(
        "Trained models: left out; there is no folder %s.\n",
        options.folder.c_str());
    return 0;
  }
  return coppice::bench::run(options);
}
