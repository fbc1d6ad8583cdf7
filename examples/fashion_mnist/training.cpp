#include "training.h"

#include <coppice/coppice.h>

#include <algorithm>
#include <cmath>

namespace {

torch::nn::Conv2dOptions halving(int64_t in, int64_t out, int64_t kernel) {
  return torch::nn::Conv2dOptions(in, out, kernel)
      .stride(2)
      .padding(kernel / 2);
}

/// A learning rate that rises over the first fifth of the training and then
/// falls to almost zero, each along half a cosine; as a fraction of its
/// maximum.
///
/// Source: Smith and Topin 2017, arXiv:1708.07120.
double one_cycle(double progress) {
  constexpr double kTop = 0.2;
  constexpr double kFirst = 0.04;
  const double pi = std::acos(-1);
  if (progress < kTop) {
    const double up = (1 - std::cos(pi * progress / kTop)) / 2;
    return kFirst + (1 - kFirst) * up;
  }
  return (1 + std::cos(pi * (progress - kTop) / (1 - kTop))) / 2;
}

/// Stochastic gradient descent over one cycle of the learning rate.
class Trainer {
 public:
  Trainer(Net& net, const ImageSet& set, int64_t total_batches, double rate)
      : net_(net),
        set_(set),
        total_batches_(total_batches),
        rate_(rate),
        optimizer_(
            net.parameters(),
            torch::optim::SGDOptions(rate).momentum(0.9).weight_decay(5e-4)) {}

  torch::optim::SGD& optimizer() {
    return optimizer_;
  }

  /// Returns the mean loss of the next `batches`.
  double train(int64_t batches) {
    double loss = 0;
    for (int64_t i = 0; i < batches; ++i) {
      const auto progress = static_cast<double>(done_++) / total_batches_;
      for (auto& group : optimizer_.param_groups()) {
        group.options().set_lr(rate_ * one_cycle(progress));
      }
      loss += train_batch(next_batch());
    }
    return loss / static_cast<double>(batches);
  }

  static int64_t batch_size(const ImageSet& set) {
    return std::min<int64_t>(128, set.size());
  }

 private:
  /// Indices of images; shuffles after each pass over the set.
  torch::Tensor next_batch() {
    const int64_t size = batch_size(set_);
    if (!order_.defined() || order_.size(0) < size) {
      order_ = torch::randperm(set_.size(), torch::kLong);
    }
    const auto batch = order_.slice(0, 0, size);
    order_ = order_.slice(0, size);
    return batch;
  }

  double train_batch(const torch::Tensor& batch) {
    const auto logits =
        net_.forward(to_input(set_.images.index_select(0, batch)));
    const auto loss = torch::nn::functional::cross_entropy(
        logits, set_.labels.index_select(0, batch));
    optimizer_.zero_grad();
    loss.backward();
    optimizer_.step();
    return loss.item<double>();
  }

  Net& net_;
  const ImageSet& set_;
  int64_t total_batches_;
  double rate_;
  torch::optim::SGD optimizer_;
  int64_t done_ = 0;
  torch::Tensor order_;
};

/// The fraction of zeros in all pruned weights.
double pruned_sparsity(const coppice::BaseSparsifier& sparsifier) {
  int64_t zeros = 0;
  int64_t all = 0;
  for (const auto& group : sparsifier.groups()) {
    zeros += coppice::count_zeros(sparsifier.mask(group.tensor_fqn));
    all += group.weight().numel();
  }
  return static_cast<double>(zeros) / static_cast<double>(all);
}

} // namespace

Net::Net()
    : conv1(register_module("conv1", torch::nn::Conv2d(halving(1, 32, 5)))),
      conv2(register_module("conv2", torch::nn::Conv2d(halving(32, 64, 3)))),
      fc1(register_module("fc1", torch::nn::Linear(64 * 7 * 7, 1024))),
      fc2(register_module("fc2", torch::nn::Linear(1024, 10))) {}

torch::Tensor Net::forward(const torch::Tensor& images) {
  auto x = conv1->forward(images).relu_();
  x = conv2->forward(x).relu_();
  x = fc1->forward(x.flatten(1)).relu_();
  return fc2->forward(x);
}

torch::Tensor to_input(const torch::Tensor& images) {
  return images.to(torch::kFloat).div_(127.5).sub_(1);
}

double accuracy(
    const std::function<torch::Tensor(const torch::Tensor&)>& forward,
    const ImageSet& set) {
  constexpr int64_t kBatch = 500;
  const torch::NoGradGuard no_grad;
  int64_t right = 0;
  for (int64_t begin = 0; begin < set.size(); begin += kBatch) {
    const int64_t end = std::min(begin + kBatch, set.size());
    const auto logits = forward(to_input(set.images.slice(0, begin, end)));
    const auto hits = logits.argmax(1).eq(set.labels.slice(0, begin, end));
    right += hits.sum().item<int64_t>();
  }
  return static_cast<double>(right) / static_cast<double>(set.size());
}

void train_dense(
    Net& net,
    const ImageSet& set,
    int64_t epochs,
    const OnProgress& on_progress) {
  const int64_t batches = set.size() / Trainer::batch_size(set);
  Trainer trainer(net, set, batches * epochs, 0.1);
  for (int64_t epoch = 1; epoch <= epochs; ++epoch) {
    const auto name = std::to_string(epoch) + "/" + std::to_string(epochs);
    on_progress("dense epoch " + name, trainer.train(batches), 0);
  }
}

void train_sparse(
    Net& net,
    const ImageSet& set,
    int64_t epochs,
    const OnProgress& on_progress) {
  // Masks change four times an epoch. The level is final after three fifths of
  // the steps, so that the network can recover.
  const int64_t steps = 4 * epochs;
  const int64_t batches =
      std::max<int64_t>(1, set.size() / Trainer::batch_size(set) / 4);
  Trainer trainer(net, set, batches * steps, 0.05);

  coppice::WeightNormSparsifier sparsifier(
      coppice::WeightNormOptions().sparsity_level(0).sparse_block_shape(
          {1, 4}));
  sparsifier.prepare(net, {kPruned.begin(), kPruned.end()});
  sparsifier.protect(trainer.optimizer()); // Dropped weights stay dropped.
  // Starting at half of the blocks costs almost no accuracy.
  coppice::CubicSL schedule(
      sparsifier,
      coppice::CubicSLOptions().init_sl(0.5).sparsity_level(0.9).total_steps(
          std::max<int64_t>(1, steps * 3 / 5)));

  for (int64_t step = 1; step <= steps; ++step) {
    sparsifier.step(); // New masks.
    schedule.step();   // The next level.
    const double loss = trainer.train(batches);
    const auto name = std::to_string(step) + "/" + std::to_string(steps);
    on_progress("sparse step " + name, loss, pruned_sparsity(sparsifier));
  }
  sparsifier.squash_mask(); // Masks become part of the weights.
}
