// Pruning a sharded checkpoint against copying it, in turn: time, and the most
// memory of its own that pruning held.
//
// usage: prune_checkpoint_bench [FOLDER [GIB]...]
#include <coppice/io/checkpoint.h>
#include <coppice/io/safetensors.h>
#include <coppice/model/torch_tensors.h>
#include <coppice/oneshot/prune_checkpoint.h>
#include <fmt/format.h>
#include <torch/utils.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

namespace {

namespace fs = std::filesystem;

constexpr int64_t kTensorsAShard = 16;
constexpr int kRounds = 3;

/// 64 MiB; every tensor has these values, so that 6 GiB need no more memory.
torch::Tensor weight() {
  torch::manual_seed(0);
  return torch::randn({4096, 4096});
}

void make_checkpoint(const fs::path& folder, int64_t gib) {
  fs::create_directories(folder);
  const auto values = weight();
  std::string map;
  for (int64_t shard = 0; shard < gib; ++shard) {
    const auto name = fmt::format("shard-{}.safetensors", shard);
    coppice::StateDict state;
    for (int64_t i = 0; i < kTensorsAShard; ++i) {
      const auto fqn = fmt::format("layers.{}.{}.weight", shard, i);
      state.tensors.push_back(coppice::as_stored(fqn, values));
      map +=
          fmt::format("{}\"{}\": \"{}\"", map.empty() ? "" : ", ", fqn, name);
    }
    coppice::save_safetensors(folder / name, state);
  }
  std::ofstream(folder / "model.safetensors.index.json")
      << "{\"metadata\": {}, \"weight_map\": {" << map << "}}";
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - begin;
  return elapsed.count();
}

/// Anonymous memory of this process in MB.
double anonymous_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("RssAnon:", 0) == 0) {
      return std::stod(line.substr(8)) / 1e3;
    }
  }
  return 0;
}

/// What `cp` does, and the flush to the disk that a safe copy needs.
void copy_and_sync(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  const auto command = fmt::format(
      "cp -r --reflink=never {0} {1} && sync {1}/*",
      from.string(),
      to.string());
  if (std::system(command.c_str()) != 0) {
    throw std::runtime_error("cp failed");
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void compare(const fs::path& folder, int64_t gib, coppice::Scope scope) {
  const auto input =
      coppice::open_checkpoint(folder / "in/model.safetensors.index.json");
  coppice::PruneModifier modifier;
  modifier.pattern = {0.7, {1, 1}, 1};
  modifier.scope = scope;
  double peak = 0;
  coppice::PruneOptions options;
  options.progress = [&](uint64_t, uint64_t) {
    peak = std::max(peak, anonymous_memory());
  };
  std::vector<double> copies;
  std::vector<double> prunings;
  for (int i = 0; i < kRounds; ++i) {
    copies.push_back(
        seconds_of([&] { copy_and_sync(folder / "in", folder / "copy"); }));
    prunings.push_back(seconds_of([&] {
      coppice::prune_checkpoint(input, {modifier}, folder / "out", options);
    }));
  }
  const double bytes = static_cast<double>(gib) * (int64_t(1) << 30);
  fmt::print(
      "| {} | {} | {:.2f} | {:.2f} | {:.0f}% | {:.0f} |\n",
      gib,
      scope == coppice::Scope::Global ? "global" : "tensor",
      bytes / median(copies) / 1e9,
      bytes / median(prunings) / 1e9,
      100 * median(copies) / median(prunings),
      peak);
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  const fs::path folder = argc > 1
      ? fs::path(argv[1])
      : fs::temp_directory_path() / fmt::format("coppice-bench-{}", getpid());
  std::vector<int64_t> sizes{1, 6};
  if (argc > 2) {
    sizes.assign(argc - 2, 0);
    std::transform(argv + 2, argv + argc, sizes.begin(), [](const char* text) {
      return std::stoll(text);
    });
  }
  fmt::print(
      "Pruning float32 shards of 1 GiB to 70%, {} threads, against cp and "
      "sync; medians of {}\n\n"
      "| GiB | scope | cp, GB/s | prune, GB/s | speed of cp | peak anonymous "
      "memory, MB |\n|---|---|---|---|---|---|\n",
      torch::get_num_threads(),
      kRounds);
  for (const int64_t gib : sizes) {
    make_checkpoint(folder / "in", gib);
    for (const auto scope : {coppice::Scope::Tensor, coppice::Scope::Global}) {
      compare(folder, gib, scope);
    }
    fs::remove_all(folder);
  }
}
