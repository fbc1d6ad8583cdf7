// Masks half of the inputs of a layer in a training loop: aggregates them while
// the network trains, masks them, and continues training.
//
//   cmake -S examples/activation_training -B build/example \
//     -DCMAKE_PREFIX_PATH=<where Coppice is installed>
//   cmake --build build/example && build/example/activation_training
//
// You should see the accuracy fall with the mask and come back:
//
//   trained:  0.94
//   masked:   0.93
//   tuned:    0.94
//   fc2: 64 of 128 activations are masked
//
// The last digits differ between versions of LibTorch.
#include <coppice/coppice.h>
#include <torch/torch.h>

#include <cstdio>
#include <memory>

namespace {

/// `Hooked` is the only difference to a model without hooks.
struct Net : torch::nn::Module {
  torch::Tensor forward(const torch::Tensor& x) {
    return fc2(torch::relu(fc1(x)));
  }

  torch::nn::Linear fc1{register_module("fc1", torch::nn::Linear(64, 128))};
  coppice::nn::Hooked<torch::nn::Linear> fc2{
      register_module("fc2", coppice::nn::Hooked<torch::nn::Linear>(128, 4))};
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

void train(
    Net& model,
    torch::optim::Optimizer& optimizer,
    const torch::Tensor& centres) {
  for (int i = 0; i < 200; ++i) {
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
  auto model = std::make_shared<Net>();
  torch::optim::SGD optimizer(
      model->parameters(), torch::optim::SGDOptions(0.05).momentum(0.9));

  // The 64 of 128 that are smallest on average are dropped.
  coppice::ActivationSparsifier sparsifier(
      *model,
      coppice::ActivationOptions()
          .aggregate_fn(coppice::aggregate_abs_sum())
          .reduce_fn(coppice::reduce_mean())
          .mask_fn(coppice::mask_magnitude())
          .set("sparsity_level", 0.5));
  sparsifier.register_layer("fc2");

  train(*model, optimizer, centres); // The sparsifier aggregates.
  std::printf("trained:  %.2f\n", accuracy(*model, test));

  sparsifier.step();        // A mask of the aggregate,
  sparsifier.squash_mask(); // and from now on it masks.
  std::printf("masked:   %.2f\n", accuracy(*model, test));

  train(*model, optimizer, centres);
  const double tuned = accuracy(*model, test);
  std::printf("tuned:    %.2f\n", tuned);

  // A hook sees the layer's inputs; its handle removes it.
  int64_t masked = 0;
  auto handle =
      model->fc2->register_forward_hook([&](torch::nn::LinearImpl&,
                                            const torch::Tensor& input,
                                            const torch::Tensor&) {
        masked = input.eq(0).all(0).sum().item<int64_t>();
      });
  accuracy(*model, test);
  handle.remove();
  std::printf(
      "fc2: %ld of 128 activations are masked\n", static_cast<long>(masked));
  return masked >= 64 && tuned > 0.9 ? 0 : 1;
}
