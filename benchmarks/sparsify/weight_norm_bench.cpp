// The C++ side of benchmarks/masks/compare.py: answers requests from standard
// input, one line each, so that both sides can be timed in turn.
//
//   threads N                        -> ok
//   prepare H W LEVEL ROWS COLS ZPB  -> ok, after one step
//   step    -> milliseconds of WeightNormSparsifier::step
//   mask    -> milliseconds of weight_norm_mask alone
//   copy    -> gigabytes a second of a parallel copy
//   memory  -> bytes at the peak of a step above those before
//   zeros   -> how many entries the mask drops
//   blas    -> the file of the BLAS in use
#include <malloc.h>
#include <torch/torch.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "coppice/masks/weight_norm.h"
#include "coppice/sparsify/weight_norm_sparsifier.h"

namespace {

/// One weight under a sparsifier.
struct Task {
  torch::Tensor weight;
  coppice::WeightNormPattern pattern;
  std::unique_ptr<coppice::WeightNormSparsifier> sparsifier;
};

double milliseconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::milli> elapsed =
      std::chrono::steady_clock::now() - begin;
  return elapsed.count();
}

void prepare(Task& task, std::istream& arguments) {
  int64_t h = 0;
  int64_t w = 0;
  auto& pattern = task.pattern;
  arguments >> h >> w >> pattern.sparsity_level >>
      pattern.sparse_block_shape.rows >> pattern.sparse_block_shape.cols >>
      pattern.zeros_per_block;
  task.sparsifier.reset();
  task.weight = torch::Tensor(); // The old one goes before the new one comes.
  torch::manual_seed(0);
  task.weight = torch::randn({h, w});
  task.sparsifier = std::make_unique<coppice::WeightNormSparsifier>(
      coppice::WeightNormOptions()
          .sparsity_level(pattern.sparsity_level)
          .sparse_block_shape(pattern.sparse_block_shape)
          .zeros_per_block(pattern.zeros_per_block));
  task.sparsifier->prepare(
      coppice::ModelView({{"weight", task.weight}}), {{"weight"}});
  task.sparsifier->step();
}

/// Reads 64 MiB and writes as much, on all threads.
double copy_bandwidth() {
  constexpr int64_t kBytes = 64 << 20;
  static std::vector<char> from(kBytes, 1);
  static std::vector<char> to(kBytes, 2);
  const double ms = milliseconds_of([] {
    at::parallel_for(0, kBytes, 1 << 16, [](int64_t begin, int64_t end) {
      std::memcpy(to.data() + begin, from.data() + begin, end - begin);
    });
  });
  return 2.0 * kBytes / ms / 1e6;
}

/// A field of /proc/self/status in bytes.
int64_t memory_of(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(field + ":", 0) == 0) {
      return std::stoll(line.substr(field.size() + 1)) * 1024;
    }
  }
  return 0;
}

int64_t peak_memory_of(const std::function<void()>& work) {
  malloc_trim(0); // Memory that was freed counts as not there.
  std::ofstream("/proc/self/clear_refs") << 5; // The peak begins anew.
  const int64_t before = memory_of("VmRSS");
  work();
  return memory_of("VmHWM") - before;
}

std::string blas_file() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const auto slash = line.rfind('/');
    if (slash != std::string::npos &&
        line.find("blas", slash) != std::string::npos) {
      return line.substr(slash + 1);
    }
  }
  return "unknown";
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
    prepare(task, words);
    std::cout << "ok";
  } else if (verb == "step") {
    std::cout << milliseconds_of([&] { task.sparsifier->step(); });
  } else if (verb == "mask") {
    std::cout << milliseconds_of(
        [&] { coppice::weight_norm_mask(task.weight, task.pattern); });
  } else if (verb == "copy") {
    std::cout << copy_bandwidth();
  } else if (verb == "memory") {
    std::cout << peak_memory_of([&] { task.sparsifier->step(); });
  } else if (verb == "zeros") {
    std::cout << task.weight.eq(0).sum().item<int64_t>();
  } else if (verb == "blas") {
    std::cout << blas_file();
  } else {
    std::cout << "unknown request: " << request;
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
