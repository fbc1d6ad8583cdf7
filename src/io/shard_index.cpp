#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "io/foreign_file.h"
#include "io/formats.h"
#include "io/json_events.h"
#include "io/plain_name.h"
#include "io/safetensors_header.h"

namespace coppice::io {
namespace {

namespace fs = std::filesystem;

/// Parses an index: {"metadata": {...}, "weight_map": {NAME: SHARD}}. Other
/// members are skipped.
class IndexEvents : public JsonEvents {
 public:
  std::unordered_map<std::string, std::string> shard_of;
  std::map<std::string, std::string> metadata;
  bool has_map = false;

  bool start_object() override {
    return enter();
  }
  bool start_array() override {
    return depth_ == 0 || (depth_ == 1 && member_ == "weight_map")
        ? refuse("is not an object with a `weight_map` object")
        : enter();
  }
  bool end_object() override {
    return leave();
  }
  bool end_array() override {
    return leave();
  }
  bool key(std::string& name) override;
  bool text(std::string& value) override;
  bool number(uint64_t value) override {
    return scalar(std::to_string(value));
  }
  bool other(std::string_view value) override {
    return scalar(std::string(value));
  }

 private:
  bool in(std::string_view member) const {
    return depth_ == 2 && member_ == member;
  }
  bool enter();
  bool leave() {
    --depth_;
    return true;
  }
  bool scalar(std::string value);

  static constexpr size_t kMaxDepth = 64;
  size_t depth_ = 0;
  std::string member_; ///< Current member of the outer object.
  std::string key_;    ///< The last key.
};

bool IndexEvents::enter() {
  if (++depth_ > kMaxDepth) {
    return refuse(fmt::format("is nested deeper than {}", kMaxDepth));
  }
  if (depth_ > 2 && member_ == "weight_map") {
    return refuse(
        "maps tensor " + in_quotes(key_) +
        " to something other than a file name");
  }
  return true;
}

bool IndexEvents::key(std::string& name) {
  if (depth_ == 1) {
    if (name == "weight_map" && std::exchange(has_map, true)) {
      return refuse("holds `weight_map` twice");
    }
    member_ = name;
  }
  key_ = std::move(name);
  return true;
}

bool IndexEvents::text(std::string& value) {
  if (!in("weight_map")) {
    return scalar(std::move(value));
  }
  if (!is_plain_name(value)) {
    return refuse(fmt::format(
        "maps tensor {} to {}, which is not a plain file name",
        in_quotes(key_),
        in_quotes(value)));
  }
  if (!shard_of.emplace(key_, std::move(value)).second) {
    return refuse("maps tensor " + in_quotes(key_) + " twice");
  }
  return true;
}

bool IndexEvents::scalar(std::string value) {
  if (depth_ == 0 || (depth_ == 1 && member_ == "weight_map")) {
    return refuse("is not an object with a `weight_map` object");
  }
  if (in("weight_map")) {
    return refuse(
        "maps tensor " + in_quotes(key_) +
        " to something other than a file name");
  }
  if (in("metadata")) {
    metadata[key_] = std::move(value);
  }
  return true;
}

[[noreturn]] void fail(const MappedFile& file, const std::string& problem) {
  throw FileError(fmt::format(
      "{}: {}; fetch the index and all its shards again.",
      file.path(),
      problem));
}

void parse_index(const MappedFile& file, IndexEvents& events) {
  if (file.size() > kMaxHeaderBytes) {
    fail(
        file,
        fmt::format(
            "has {} bytes, more than the {} allowed",
            file.size(),
            kMaxHeaderBytes));
  }
  const auto problem = read_json(file.text(), events);
  if (!problem.empty()) {
    fail(file, "the index " + problem);
  }
  if (!events.has_map) {
    fail(file, "the index has no `weight_map`");
  }
}

std::vector<std::string> shard_names(const IndexEvents& index) {
  std::vector<std::string> names;
  names.reserve(index.shard_of.size());
  for (const auto& [tensor, shard] : index.shard_of) {
    names.push_back(shard);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// Reads a shard, of a format that can be sharded.
Checkpoint read_shard(const MappedFile& index, const std::string& shard) {
  const auto path = fs::path(index.path()).replace_filename(shard);
  auto file = MappedFile::open(path.string());
  require_no_foreign(*file);
  if (is_shard_index(*file)) { // Maybe of itself: endless recursion.
    fail(index, in_quotes(shard) + " is an index, not a shard");
  }
  auto read = read_checkpoint(std::move(file));
  if (read.format == CheckpointFormat::TorchScript ||
      read.format == CheckpointFormat::ExportedProgram) {
    fail(
        index,
        fmt::format(
            "{} is a {}, and no shard",
            in_quotes(shard),
            format_name(read.format)));
  }
  return read;
}

/// The format of a checkpoint with such shards.
CheckpointFormat sharded(CheckpointFormat shard) {
  return shard == CheckpointFormat::Safetensors
      ? CheckpointFormat::ShardedSafetensors
      : CheckpointFormat::ShardedTorchSave;
}

/// Shards name the same classes, most often.
void add_code(
    const std::vector<PickledCode>& code,
    std::vector<PickledCode>& all) {
  for (const auto& one : code) {
    const auto known =
        std::find_if(all.begin(), all.end(), [&one](const auto& other) {
          return other.name == one.name;
        });
    if (known == all.end()) {
      all.push_back(one);
    } else {
      known->calls += one.calls;
    }
  }
}

/// Moves the tensors of a shard to `result`; each must be mapped to it.
void add_shard(
    const MappedFile& file,
    const std::string& shard,
    const IndexEvents& index,
    Checkpoint& result) {
  auto read = read_shard(file, shard);
  const auto format = sharded(read.format);
  if (!result.files.empty() && result.format != format) {
    fail(file, "some of its shards are safetensors files and some are not");
  }
  result.format = format;
  for (auto& tensor : read.state.tensors) {
    const auto mapped = index.shard_of.find(tensor.name);
    if (mapped == index.shard_of.end()) {
      fail(
          file,
          fmt::format(
              "does not map tensor {} of {}",
              in_quotes(tensor.name),
              in_quotes(shard)));
    }
    if (mapped->second != shard) {
      fail(
          file,
          fmt::format(
              "maps tensor {} to {}, but {} holds it too",
              in_quotes(tensor.name),
              in_quotes(mapped->second),
              in_quotes(shard)));
    }
    result.state.tensors.push_back(std::move(tensor));
  }
  for (auto checksum : read.checksums) {
    checksum.file = result.files.size();
    result.checksums.push_back(std::move(checksum));
  }
  result.state.metadata.merge(read.state.metadata);
  result.left_because.merge(read.left_because);
  add_code(read.code, result.code);
  result.files.push_back(std::move(read.files.front()));
}

/// Every tensor in a shard is mapped to it, so a missing one shows in the
/// count.
void require_all(
    const MappedFile& file,
    const IndexEvents& index,
    const StateDict& state) {
  if (state.tensors.size() == index.shard_of.size()) {
    return;
  }
  auto missing = index.shard_of;
  for (const auto& tensor : state.tensors) {
    missing.erase(tensor.name);
  }
  const auto& [name, shard] = *std::min_element(missing.begin(), missing.end());
  fail(
      file,
      fmt::format(
          "maps tensor {} to {}, which does not hold it",
          in_quotes(name),
          in_quotes(shard)));
}

} // namespace

bool is_shard_index(const MappedFile& file) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto text = file.text().substr(0, kMaxHeaderBytes);
  const auto brace = text.find_first_not_of(kBlank);
  if (brace == std::string_view::npos || text[brace] != '{') {
    return false;
  }
  // A safetensors file may start with `{` (its header length), but not with
  // `{"`.
  const auto quote = text.find_first_not_of(kBlank, brace + 1);
  return quote != std::string_view::npos && text[quote] == '"' &&
      text.find("\"weight_map\"", quote) != std::string_view::npos;
}

Checkpoint read_shard_index(std::shared_ptr<const MappedFile> file) {
  IndexEvents index;
  parse_index(*file, index);
  Checkpoint result;
  result.format = CheckpointFormat::ShardedSafetensors; // Without shards.
  result.state.metadata = index.metadata;
  for (const auto& shard : shard_names(index)) {
    add_shard(*file, shard, index, result);
  }
  require_all(*file, index, result.state);
  result.files.push_back(std::move(file));
  return result;
}

} // namespace coppice::io
