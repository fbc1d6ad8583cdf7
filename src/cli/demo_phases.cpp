#include "cli/demo_phases.h"

#include <coppice/schedule/cubic_sl.h>
#include <coppice/sparsify/weight_norm_sparsifier.h>
#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "cli/demo.h"
#include "cli/demo_training.h"
#include "cli/progress.h"

namespace coppice::cli {
namespace {

/// Updates of the masks in an epoch. The level is final after three fifths of
/// them; the rest is for the network to recover.
constexpr int64_t kStepsPerEpoch = 4;
/// Half of the blocks go at once: that costs next to no accuracy.
constexpr double kFirstLevel = 0.5;
constexpr double kDenseRate = 0.1;
constexpr double kSparseRate = 0.05;

/// Trains on `batches` batches and says how far the network is.
void train_on(
    DemoTrainer& trainer,
    DemoNet& net,
    const ImageSet& test,
    int64_t batches,
    const std::string& step,
    double sparsity,
    const DemoLog& log) {
  double loss = 0;
  {
    ProgressBar bar(step, batches);
    loss = trainer.train(batches, [&](int64_t done) { bar.update(done); });
  }
  log.say_step(step, loss, accuracy(net, test), sparsity);
}

std::vector<TensorConfig> pruned_tensors() {
  std::vector<TensorConfig> config;
  for (const auto& layer : demo_layers()) {
    if (layer.is_pruned) {
      config.emplace_back(layer.tensor_fqn);
    }
  }
  return config;
}

/// The share of zeros in all weights that are pruned.
double pruned_sparsity(const BaseSparsifier& sparsifier) {
  int64_t kept = 0;
  int64_t all = 0;
  for (const auto& group : sparsifier.groups()) {
    kept += sparsifier.mask(group.tensor_fqn).sum().item<int64_t>();
    all += group.weight().numel();
  }
  return 1 - static_cast<double>(kept) / static_cast<double>(all);
}

} // namespace

DemoLog::DemoLog(bool is_quiet)
    : is_quiet_(is_quiet), start_(std::chrono::steady_clock::now()) {}

void DemoLog::say(const std::string& line) const {
  if (!is_quiet_) {
    std::cout << line << std::endl;
  }
}

void DemoLog::say_step(
    const std::string& step,
    double loss,
    double accuracy,
    double sparsity) const {
  say(fmt::format(
      "{:<18} loss {:6.4f}   accuracy {:6.2f}%   sparsity {:6.2f}%   {:4.0f} s",
      step,
      loss,
      100 * accuracy,
      100 * sparsity,
      seconds()));
}

double DemoLog::seconds() const {
  const auto passed = std::chrono::steady_clock::now() - start_;
  return std::chrono::duration<double>(passed).count();
}

void train_dense(
    DemoNet& net,
    const ImageData& data,
    int64_t epochs,
    const DemoLog& log) {
  const int64_t batches = batches_per_epoch(data.train);
  DemoTrainer trainer(net, data.train, batches * epochs, kDenseRate);
  for (int64_t epoch = 1; epoch <= epochs; ++epoch) {
    const auto step = fmt::format("dense epoch {}/{}", epoch, epochs);
    train_on(trainer, net, data.test, batches, step, 0, log);
  }
}

void train_sparse(
    DemoNet& net,
    const ImageData& data,
    int64_t epochs,
    const DemoLog& log) {
  const int64_t steps = epochs * kStepsPerEpoch;
  const int64_t batches =
      std::max<int64_t>(1, batches_per_epoch(data.train) / kStepsPerEpoch);
  DemoTrainer trainer(net, data.train, batches * steps, kSparseRate);

  WeightNormSparsifier sparsifier(
      WeightNormOptions().sparsity_level(0).sparse_block_shape({1, 4}));
  sparsifier.prepare(*net, pruned_tensors());
  sparsifier.protect(trainer.optimizer());
  CubicSL schedule(
      sparsifier,
      CubicSLOptions()
          .init_sl(kFirstLevel)
          .sparsity_level(kDemoLevel)
          .total_steps(std::max<int64_t>(1, steps * 3 / 5)));

  for (int64_t step = 1; step <= steps; ++step) {
    sparsifier.step();
    schedule.step();
    train_on(
        trainer,
        net,
        data.test,
        batches,
        fmt::format("sparse step {}/{}", step, steps),
        pruned_sparsity(sparsifier),
        log);
  }
  sparsifier.squash_mask();
}

} // namespace coppice::cli
