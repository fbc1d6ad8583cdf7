// The C++ side of benchmarks/solve/compare.py: answers requests from standard
// input, one line each, so that both sides can be timed in turn.
//
//   threads N           -> ok; of one the times are of the processor
//   prepare N           -> ok: a weight [N, N] and moments of 2 N samples
//   gram                -> milliseconds for the moments of 2 N samples
//   half_product        -> milliseconds of LibTorch's product of half its flops
//   product             -> billions of operations a second of a float32 product
//   copy                -> gigabytes a second of a copy on one thread
//   METHOD PATTERN      -> milliseconds: wanda, sparsegpt or alps; row, layer,
//                          2:4, 4:8 or 4x1, half of the weights
#include <torch/torch.h>

#include <cstring>
#include <functional>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <time.h>

#include "coppice/solve/solvers.h"

namespace {

struct Task {
  torch::Tensor weight;
  torch::Tensor samples;
  std::optional<coppice::SecondMoments> moments;
};

double now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return 1e3 * static_cast<double>(time.tv_sec) +
      1e-6 * static_cast<double>(time.tv_nsec);
}

/// On one thread its own processor time: on a busy machine the other clock also
/// runs while others have the processor.
double milliseconds_of(const std::function<void()>& work) {
  const auto clock =
      at::get_num_threads() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
  const double begin = now(clock);
  work();
  return now(clock) - begin;
}

void prepare(Task& task, int64_t size) {
  task = Task();
  torch::manual_seed(0);
  task.weight = torch::randn({size, size});
  task.samples = torch::randn({2 * size, size});
  task.moments.emplace(size);
  task.moments->add(task.samples);
}

double gram(const Task& task) {
  return milliseconds_of([&] {
    coppice::SecondMoments moments(task.weight.size(1));
    moments.add(task.samples);
    moments.diagonal(); // What waits is taken in.
  });
}

double half_product(const Task& task) {
  const auto some = task.samples.slice(0, 0, task.weight.size(0));
  return milliseconds_of([&] { some.t().mm(some); });
}

double product(const Task& task) {
  const double size = static_cast<double>(task.weight.size(0));
  const double ms = milliseconds_of([&] { task.weight.mm(task.weight); });
  return 2 * size * size * size / ms / 1e6;
}

/// Reads 64 MiB and writes as much.
double copy_bandwidth() {
  constexpr int64_t kBytes = 64 << 20;
  static const std::vector<char> from(kBytes, 1);
  static std::vector<char> to(kBytes, 2);
  const double ms =
      milliseconds_of([] { std::memcpy(to.data(), from.data(), kBytes); });
  return 2.0 * kBytes / ms / 1e6;
}

coppice::Selection selection_of(const std::string& pattern) {
  if (pattern == "row") {
    return coppice::Selection().among(coppice::Selection::Among::Row);
  }
  return pattern == "layer"
      ? coppice::Selection()
      : coppice::Selection(coppice::parse_pattern(pattern));
}

double
solve(const Task& task, const std::string& method, const std::string& pattern) {
  const auto selection = selection_of(pattern);
  return milliseconds_of([&] {
    if (method == "wanda") {
      solve_wanda(task.weight, *task.moments, selection);
    } else if (method == "sparsegpt") {
      solve_sparsegpt(task.weight, *task.moments, selection);
    } else {
      solve_alps(task.weight, *task.moments, selection);
    }
  });
}

void answer(const std::string& request, Task& task) {
  std::istringstream words(request);
  std::string verb;
  words >> verb;
  if (verb == "threads") {
    int threads = 0;
    words >> threads;
    at::set_num_threads(threads);
    std::cout << "ok";
  } else if (verb == "prepare") {
    int64_t size = 0;
    words >> size;
    prepare(task, size);
    std::cout << "ok";
  } else if (verb == "gram") {
    std::cout << gram(task);
  } else if (verb == "half_product") {
    std::cout << half_product(task);
  } else if (verb == "product") {
    std::cout << product(task);
  } else if (verb == "copy") {
    std::cout << copy_bandwidth();
  } else {
    std::string pattern;
    words >> pattern;
    std::cout << solve(task, verb, pattern);
  }
  std::cout << std::endl;
}

} // namespace

int main() {
  const torch::NoGradGuard no_grad;
  Task task;
  for (std::string request; std::getline(std::cin, request);) {
    answer(request, task);
  }
}
