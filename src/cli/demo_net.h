#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <functional>
#include <string>

#include "cli/image_set.h"

namespace coppice::cli {

/// What the demo trains: two convolutions that halve the image, and two linear
/// layers, the first with 3.2 million weights. Strides do what pooling would,
/// in half the time.
///
/// Shapes: input [n, 1, 28, 28], output [n, 10], logits.
class DemoNetImpl : public torch::nn::Module {
 public:
  DemoNetImpl();

  torch::Tensor forward(const torch::Tensor& images);

  torch::nn::Conv2d conv1;
  torch::nn::Conv2d conv2;
  torch::nn::Linear fc1;
  torch::nn::Linear fc2;
};
TORCH_MODULE(DemoNet);

/// Grey levels 0 to 255 as the network takes them: [-1, 1].
torch::Tensor to_input(const torch::Tensor& images);

/// The share of `set` that the network gets right.
double accuracy(DemoNet& net, const ImageSet& set);

/// The same of any function from input to logits.
double accuracy(
    const std::function<torch::Tensor(const torch::Tensor&)>& forward,
    const ImageSet& set);

/// The network as a file that `torch::load` and `torch::jit::load` read.
std::string to_file_bytes(const DemoNet& net);

/// A network read from the file at `path`.
DemoNet load_demo_net(const std::string& path);

} // namespace coppice::cli
