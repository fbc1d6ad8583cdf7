#include "compile/timing_cache.h"

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "compile/machine.h"
#include "io/output_file.h"
#include "kernels/instruction_set.h"

namespace coppice::compiling {
namespace {

/// The version of the files and of the kernels timed: older timings are
/// ignored.
constexpr int kVersion = 4;

/// FNV-1a. Collisions are harmless: the whole key is compared.
uint64_t hash_of(const void* data, size_t size) {
  uint64_t hash = 14695981039346656037ULL;
  const auto* const bytes = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < size; ++i) {
    hash = (hash ^ bytes[i]) * 1099511628211ULL;
  }
  return hash;
}

nlohmann::json key_of(
    const WeightOp& op,
    const torch::Tensor& input,
    const std::vector<Candidate>& candidates,
    int64_t passing_bytes) {
  const auto zeros = op.weight.eq(0).contiguous();
  std::vector<std::string> names;
  names.reserve(candidates.size());
  for (const auto& candidate : candidates) {
    names.push_back(
        candidate.name() +
        (candidate.is_libtorch()
             ? ""
             : "@" + std::to_string(candidate.weight->batch())));
  }
  return {
      {"version", kVersion},
      {"processor", processor_name()},
      {"instruction_set", kernels::instruction_set()},
      {"threads", at::get_num_threads()},
      {"libtorch", TORCH_VERSION},
      {"op", candidates[0].operator_name(op)},
      {"weight", op.weight.sizes().vec()},
      {"zeros", hash_of(zeros.data_ptr(), zeros.nbytes())},
      {"bias", op.bias.defined()},
      {"stride", op.stride},
      {"padding", op.padding},
      {"dilation", op.dilation},
      {"input", input.sizes().vec()},
      {"input_zeros", std::lround(100 * skipped_share(op, input))},
      {"candidates", names},
      {"passing_bytes", passing_bytes}};
}

std::string path_of(const std::string& folder, const nlohmann::json& key) {
  const auto text = key.dump();
  char name[32];
  std::snprintf(
      name,
      sizeof name,
      "%016llx.json",
      static_cast<unsigned long long>(hash_of(text.data(), text.size())));
  return folder + "/" + name;
}

/// The timing in a file; nullopt if it does not match the key.
std::optional<LayerRace> race_from(
    const nlohmann::json& json,
    const nlohmann::json& key) {
  if (!json.is_object() || json.value("key", nlohmann::json()) != key) {
    return std::nullopt;
  }
  LayerRace race;
  race.microseconds = json.at("microseconds").get<std::vector<double>>();
  race.winner = json.at("winner").get<size_t>();
  race.ratios = json.at("ratios").get<std::vector<double>>();
  race.wins = json.at("wins").get<std::vector<bool>>();
  const size_t count = key.at("candidates").size();
  const bool fits = race.microseconds.size() == count &&
      race.ratios.size() == count && race.wins.size() == count &&
      race.winner < count;
  return fits ? std::optional(race) : std::nullopt;
}

} // namespace

std::optional<LayerRace> TimingCache::find(
    const WeightOp& op,
    const torch::Tensor& input,
    const std::vector<Candidate>& candidates,
    int64_t passing_bytes) const {
  if (folder_.empty()) {
    return std::nullopt;
  }
  const auto key = key_of(op, input, candidates, passing_bytes);
  std::ifstream file(path_of(folder_, key));
  try {
    return file ? race_from(nlohmann::json::parse(file), key) : std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

void TimingCache::store(
    const WeightOp& op,
    const torch::Tensor& input,
    const std::vector<Candidate>& candidates,
    int64_t passing_bytes,
    const LayerRace& race) const {
  if (folder_.empty()) {
    return;
  }
  const auto key = key_of(op, input, candidates, passing_bytes);
  const nlohmann::json json{
      {"key", key},
      {"microseconds", race.microseconds},
      {"ratios", race.ratios},
      {"wins", race.wins},
      {"winner", race.winner}};
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  try {
    write_file(path_of(folder_, key), json.dump(1) + "\n");
  } catch (const OutputError&) { // Best effort: it is measured again.
  }
}

} // namespace coppice::compiling
