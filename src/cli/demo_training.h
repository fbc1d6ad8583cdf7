#pragma once

#include <torch/optim/sgd.h>

#include <functional>

#include "cli/demo_net.h"
#include "cli/image_set.h"

namespace coppice::cli {

/// Trains the demo's network by stochastic gradient descent with momentum and a
/// one-cycle learning rate.
///
/// Source of the rate: Smith and Topin 2017, arXiv:1708.07120.
class DemoTrainer {
 public:
  /// `total_batches` is the length of the cycle, `peak_rate` its top. Draws
  /// from LibTorch's default generator.
  DemoTrainer(
      DemoNet net,
      const ImageSet& set,
      int64_t total_batches,
      double peak_rate);

  /// Called after every batch with the number of batches of this call so far.
  using OnBatch = std::function<void(int64_t done)>;

  /// Trains on the next `batches` batches, shuffling anew whenever the set is
  /// through. Returns their mean loss.
  double train(int64_t batches, const OnBatch& on_batch);

  torch::optim::SGD& optimizer() {
    return optimizer_;
  }

 private:
  torch::Tensor next_batch();
  double train_batch();
  void set_rate();

  DemoNet net_;
  const ImageSet& set_;
  int64_t total_batches_;
  double peak_rate_;
  torch::optim::SGD optimizer_;
  int64_t batches_done_ = 0;
  torch::Tensor order_; ///< Indices of the images not yet seen this epoch.
};

/// Images in a batch; fewer if the set is smaller.
int64_t batch_size(const ImageSet& set);

/// Whole batches in an epoch, one or more.
int64_t batches_per_epoch(const ImageSet& set);

} // namespace coppice::cli
