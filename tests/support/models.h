#pragma once

// The models of the reference's own tests (docs/reference.md 7.1).

#include <torch/torch.h>

namespace coppice::testing {

inline torch::nn::Linear linear_without_bias(int64_t in, int64_t out) {
  return torch::nn::Linear(torch::nn::LinearOptions(in, out).bias(false));
}

/// seq 7-5, 5-6, 6-4; linear1 4-4; linear2 4-10; no bias.
struct SimpleLinear : torch::nn::Module {
  SimpleLinear()
      : seq(register_module(
            "seq",
            torch::nn::Sequential(
                linear_without_bias(7, 5),
                linear_without_bias(5, 6),
                linear_without_bias(6, 4)))),
        linear1(register_module("linear1", linear_without_bias(4, 4))),
        linear2(register_module("linear2", linear_without_bias(4, 10))) {}

  torch::Tensor forward(const torch::Tensor& x) {
    return linear2(linear1(seq->forward(x)));
  }

  torch::nn::Sequential seq;
  torch::nn::Linear linear1;
  torch::nn::Linear linear2;
};

/// One Linear child named "0", as `nn.Sequential(nn.Linear(...))`.
inline torch::nn::Sequential one_linear(const torch::Tensor& weight) {
  auto linear = linear_without_bias(weight.size(1), weight.size(0));
  linear->to(weight.scalar_type());
  const torch::NoGradGuard no_grad;
  linear->weight.copy_(weight);
  return torch::nn::Sequential(linear);
}

} // namespace coppice::testing
