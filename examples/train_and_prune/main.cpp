// Trains a small network while nine of ten of its weights are dropped.
//
//   cmake -S examples/train_and_prune -B build/example \
//     -DCMAKE_PREFIX_PATH=<where Coppice is installed>
//   cmake --build build/example && build/example/train_and_prune
//
// You should see the sparsity rise, and the accuracy stay:
//
//   epoch  sparsity  accuracy
//       0      0.00      0.94
//   ...
//       9      0.90      0.94
//   fc1.weight: 0.90 of 8192 weights are zero, in blocks of 1x4
//   fc2.weight: 0.90 of 512 weights are zero, in blocks of 1x4
//
// The last digits differ between versions of LibTorch.
#include <coppice/coppice.h>
#include <torch/torch.h>

#include <cstdio>
#include <memory>

namespace {

struct Net : torch::nn::Module {
  torch::Tensor forward(const torch::Tensor& x) {
    return fc2(torch::relu(fc1(x)));
  }

  torch::nn::Linear fc1{register_module("fc1", torch::nn::Linear(64, 128))};
  torch::nn::Linear fc2{register_module("fc2", torch::nn::Linear(128, 4))};
};

struct Batch {
  torch::Tensor x; ///< [n, 64]
  torch::Tensor y; ///< [n] of kLong, 0 to 3
};

/// Points around four centres; the class is the centre.
Batch make_batch(const torch::Tensor& centres, int64_t n) {
  const auto y = torch::randint(centres.size(0), {n}, torch::kLong);
  return {centres.index_select(0, y) + torch::randn({n, 64}), y};
}

void train_one_epoch(
    Net& model,
    torch::optim::Optimizer& optimizer,
    const torch::Tensor& centres) {
  for (int i = 0; i < 50; ++i) {
    const auto batch = make_batch(centres, 64);
    optimizer.zero_grad();
    torch::nn::functional::cross_entropy(model.forward(batch.x), batch.y)
        .backward();
    optimizer.step();
  }
}

double accuracy(Net& model, const Batch& batch) {
  torch::NoGradGuard no_grad;
  const auto right = model.forward(batch.x).argmax(1).eq(batch.y);
  return right.to(torch::kFloat).mean().item<double>();
}

} // namespace

int main() {
  torch::manual_seed(0);
  const auto centres = 0.4 * torch::randn({4, 64});
  const auto test = make_batch(centres, 1000);

  // Any torch::nn::Module, unmodified.
  auto model = std::make_shared<Net>();
  torch::optim::SGD optimizer(
      model->parameters(), torch::optim::SGDOptions(0.05).momentum(0.9));

  coppice::WeightNormSparsifier sparsifier(
      coppice::WeightNormOptions().sparsity_level(0.0).sparse_block_shape(
          {1, 4}));
  sparsifier.prepare(*model, {{"fc1.weight"}, {"fc2.weight"}});
  // With momentum, dropped weights would come back without this line.
  sparsifier.protect(optimizer);
  coppice::CubicSL schedule(
      sparsifier, coppice::CubicSLOptions().sparsity_level(0.9).total_steps(9));

  std::puts("epoch  sparsity  accuracy");
  for (int epoch = 0; epoch < 10; ++epoch) {
    train_one_epoch(*model, optimizer, centres);
    sparsifier.step(); // new masks
    schedule.step();   // the level of the next epoch
    std::printf(
        "%5d  %8.2f  %8.2f\n",
        epoch,
        coppice::sparsity(model->fc1->weight),
        accuracy(*model, test));
  }
  sparsifier.squash_mask(); // masks become part of the weights

  for (const auto& parameter : model->named_parameters()) {
    if (parameter.key().find("weight") != std::string::npos) {
      std::printf(
          "%s: %.2f of %ld weights are zero, in blocks of %s\n",
          parameter.key().c_str(),
          coppice::sparsity(parameter.value()),
          static_cast<long>(parameter.value().numel()),
          coppice::to_string(coppice::detect_pattern(parameter.value()))
              .c_str());
    }
  }
  const bool is_sparse = coppice::sparsity(model->fc1->weight) > 0.89;
  return is_sparse && accuracy(*model, test) > 0.9 ? 0 : 1;
}
