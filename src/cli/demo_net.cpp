#include "cli/demo_net.h"

#include <torch/serialize.h>
#include <torch/utils.h>

#include <algorithm>
#include <sstream>

namespace coppice::cli {
namespace {

torch::nn::Conv2dOptions halving(int64_t in, int64_t out, int64_t kernel) {
  return torch::nn::Conv2dOptions(in, out, kernel)
      .stride(2)
      .padding(kernel / 2);
}

constexpr int64_t kFeatures = 64 * (kImageSide / 4) * (kImageSide / 4);

} // namespace

DemoNetImpl::DemoNetImpl()
    : conv1(register_module("conv1", torch::nn::Conv2d(halving(1, 32, 5)))),
      conv2(register_module("conv2", torch::nn::Conv2d(halving(32, 64, 3)))),
      fc1(register_module("fc1", torch::nn::Linear(kFeatures, 1024))),
      fc2(register_module("fc2", torch::nn::Linear(1024, kClasses))) {}

torch::Tensor DemoNetImpl::forward(const torch::Tensor& images) {
  auto x = conv1->forward(images).relu_();
  x = conv2->forward(x).relu_();
  x = fc1->forward(x.flatten(1)).relu_();
  return fc2->forward(x);
}

torch::Tensor to_input(const torch::Tensor& images) {
  return images.to(at::kFloat).div_(127.5).sub_(1);
}

double accuracy(DemoNet& net, const ImageSet& set) {
  net->eval();
  return accuracy([&](const torch::Tensor& x) { return net->forward(x); }, set);
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

std::string to_file_bytes(const DemoNet& net) {
  std::ostringstream bytes;
  torch::save(net, bytes);
  return bytes.str();
}

DemoNet load_demo_net(const std::string& path) {
  DemoNet net;
  torch::load(net, path);
  return net;
}

} // namespace coppice::cli
