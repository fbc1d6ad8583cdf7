#pragma once

#include <torch/torch.h>

#include <functional>
#include <string>
#include <vector>

#include "images.h"

/// Two convolutions that halve the image, and two linear layers, the first with
/// 3.2 million weights. Strides instead of pooling, in half the time.
///
/// Shapes: input [n, 1, 28, 28], output [n, 10], logits.
struct Net : torch::nn::Module {
  Net();

  torch::Tensor forward(const torch::Tensor& images);

  torch::nn::Conv2d conv1, conv2;
  torch::nn::Linear fc1, fc2;
};

/// The layers that are pruned. The others are small.
inline const std::vector<std::string> kPruned{"conv2.weight", "fc1.weight"};

/// Grey levels 0 to 255, scaled to [-1, 1].
torch::Tensor to_input(const torch::Tensor& images);

/// The fraction of `set` that `forward` classifies correctly.
double accuracy(
    const std::function<torch::Tensor(const torch::Tensor&)>& forward,
    const ImageSet& set);

/// Called during training.
using OnProgress =
    std::function<void(const std::string& step, double loss, double sparsity)>;

/// Trains all weights.
void train_dense(
    Net& net,
    const ImageSet& set,
    int64_t epochs,
    const OnProgress& on_progress);

/// Continues training while the sparsity level of `kPruned` rises to 90%, in
/// blocks of 1x4.
void train_sparse(
    Net& net,
    const ImageSet& set,
    int64_t epochs,
    const OnProgress& on_progress);
