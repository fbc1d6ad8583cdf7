// What training under masks costs: a step of 784-1024-1024-10 with SGD and
// momentum, dense, under a protected sparsifier, and as the reference does it
// (mask * weight in every forward pass). The three take turns within one run;
// medians of their times are compared.

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <vector>

#include "coppice/sparsify/weight_norm_sparsifier.h"

namespace {

constexpr int kStepsInATurn = 5;
constexpr int kTurns = 21;

struct Net : torch::nn::Module {
  Net()
      : fc1(register_module("fc1", torch::nn::Linear(784, 1024))),
        fc2(register_module("fc2", torch::nn::Linear(1024, 1024))),
        fc3(register_module("fc3", torch::nn::Linear(1024, 10))) {}

  torch::Tensor weight(const torch::nn::Linear& layer, size_t index) {
    return masks.empty() ? layer->weight : masks[index] * layer->weight;
  }

  torch::Tensor forward(torch::Tensor x) {
    x = torch::relu(torch::linear(x, weight(fc1, 0), fc1->bias));
    x = torch::relu(torch::linear(x, weight(fc2, 1), fc2->bias));
    return torch::linear(x, weight(fc3, 2), fc3->bias);
  }

  torch::nn::Linear fc1, fc2, fc3;
  /// The reference's way: a mask a layer, multiplied in the forward pass.
  std::vector<torch::Tensor> masks;
};

enum class Way { Dense, Masked, Parametrized };

/// A network with its optimizer, and how it is masked.
class Training {
 public:
  explicit Training(Way way)
      : optimizer_(
            net_->parameters(),
            torch::optim::SGDOptions(0.01).momentum(0.9)) {
    if (way == Way::Dense) {
      return;
    }
    sparsifier_.prepare(
        *net_, {{"fc1.weight"}, {"fc2.weight"}, {"fc3.weight"}});
    sparsifier_.step();
    if (way == Way::Masked) {
      sparsifier_.protect(optimizer_);
      return;
    }
    for (const auto& group : sparsifier_.groups()) {
      net_->masks.push_back(group.mask().to(torch::kFloat));
    }
    sparsifier_.squash_mask();
  }

  void step(const torch::Tensor& x, const torch::Tensor& y) {
    optimizer_.zero_grad();
    torch::nn::functional::cross_entropy(net_->forward(x), y).backward();
    optimizer_.step();
  }

 private:
  std::shared_ptr<Net> net_ = std::make_shared<Net>();
  torch::optim::SGD optimizer_;
  coppice::WeightNormSparsifier sparsifier_{
      coppice::WeightNormOptions().sparsity_level(0.9)};
};

double milliseconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now() - begin)
      .count();
}

double median(std::vector<double> values) {
  std::nth_element(
      values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

void compare(int64_t batch) {
  torch::manual_seed(0);
  const auto x = torch::randn({batch, 784});
  const auto y = torch::randint(10, {batch}, torch::kLong);
  std::vector<std::unique_ptr<Training>> trainings;
  for (const Way way : {Way::Dense, Way::Masked, Way::Parametrized}) {
    trainings.push_back(std::make_unique<Training>(way));
    trainings.back()->step(x, y);
  }
  std::vector<std::vector<double>> times(trainings.size());
  for (int turn = 0; turn < kTurns; ++turn) {
    for (size_t i = 0; i < trainings.size(); ++i) {
      // Who goes first changes from turn to turn.
      const size_t who = (i + turn) % trainings.size();
      times[who].push_back(milliseconds([&] {
        for (int step = 0; step < kStepsInATurn; ++step) {
          trainings[who]->step(x, y);
        }
      }));
    }
  }
  const double dense = median(times[0]) / kStepsInATurn;
  const double masked = median(times[1]) / kStepsInATurn;
  const double parametrized = median(times[2]) / kStepsInATurn;
  fmt::print(
      "{:>5}  {:>8.2f}  {:>9.2f}  {:>6.3f}  {:>15.2f}  {:>6.3f}\n",
      batch,
      dense,
      masked,
      masked / dense,
      parametrized,
      parametrized / dense);
  std::fflush(stdout);
}

} // namespace

int main() {
  at::set_num_threads(2);
  fmt::print(
      "A training step of 784-1024-1024-10, SGD with momentum, 90% sparse in "
      "1x4 blocks, {} threads; medians of {} turns of {} steps\n",
      at::get_num_threads(),
      kTurns,
      kStepsInATurn);
  fmt::print(
      "{:>5}  {:>8}  {:>9}  {:>6}  {:>15}  {:>6}\n",
      "batch",
      "dense ms",
      "masked ms",
      "ratio",
      "mask * weight ms",
      "ratio");
  for (const int64_t batch : {64, 512}) {
    compare(batch);
  }
  return 0;
}
