// What the example in the README takes for granted: a model and its training.
#include <torch/torch.h>

#include <memory>

struct Net : torch::nn::Module {
  torch::nn::Linear fc1{register_module("fc1", torch::nn::Linear(16, 8))};
  torch::nn::Linear fc2{register_module("fc2", torch::nn::Linear(8, 4))};
};

inline void train_one_epoch(Net& model, torch::optim::Optimizer& optimizer) {
  optimizer.zero_grad();
  const auto hidden = torch::relu(model.fc1(torch::ones({2, 16})));
  model.fc2(hidden).sum().backward();
  optimizer.step();
}
