#include "cli/demo_training.h"

#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <cmath>

namespace coppice::cli {
namespace {

/// Up over the first fifth of the cycle, then down to almost nothing, each
/// along half a cosine.
double one_cycle(double progress) {
  constexpr double kTop = 0.2;
  constexpr double kFirst = 0.04;
  constexpr double kPi = 3.14159265358979323846;
  if (progress < kTop) {
    const double up = (1 - std::cos(kPi * progress / kTop)) / 2;
    return kFirst + (1 - kFirst) * up;
  }
  return (1 + std::cos(kPi * (progress - kTop) / (1 - kTop))) / 2;
}

} // namespace

int64_t batch_size(const ImageSet& set) {
  return std::min<int64_t>(128, set.size());
}

int64_t batches_per_epoch(const ImageSet& set) {
  return set.size() / batch_size(set);
}

DemoTrainer::DemoTrainer(
    DemoNet net,
    const ImageSet& set,
    int64_t total_batches,
    double peak_rate)
    : net_(std::move(net)),
      set_(set),
      total_batches_(total_batches),
      peak_rate_(peak_rate),
      optimizer_(
          net_->parameters(),
          torch::optim::SGDOptions(peak_rate).momentum(0.9).weight_decay(
              5e-4)) {}

double DemoTrainer::train(int64_t batches, const OnBatch& on_batch) {
  net_->train();
  double loss = 0;
  for (int64_t i = 0; i < batches; ++i) {
    set_rate();
    loss += train_batch();
    ++batches_done_;
    on_batch(i + 1);
  }
  return loss / static_cast<double>(batches);
}

torch::Tensor DemoTrainer::next_batch() {
  const int64_t size = batch_size(set_);
  if (!order_.defined() || order_.size(0) < size) {
    order_ = torch::randperm(set_.size(), torch::TensorOptions(at::kLong));
  }
  const auto batch = order_.slice(0, 0, size);
  order_ = order_.slice(0, size);
  return batch;
}

double DemoTrainer::train_batch() {
  const auto batch = next_batch();
  const auto logits =
      net_->forward(to_input(set_.images.index_select(0, batch)));
  const auto loss = torch::nn::functional::cross_entropy(
      logits, set_.labels.index_select(0, batch));
  optimizer_.zero_grad();
  loss.backward();
  optimizer_.step();
  return loss.item<double>();
}

void DemoTrainer::set_rate() {
  const double progress =
      static_cast<double>(batches_done_) / static_cast<double>(total_batches_);
  for (auto& group : optimizer_.param_groups()) {
    group.options().set_lr(peak_rate_ * one_cycle(progress));
  }
}

} // namespace coppice::cli
