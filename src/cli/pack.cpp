#include <coppice/io/checkpoint.h>
#include <coppice/io/sparse_checkpoint.h>
#include <coppice/report/table.h>
#include <fmt/format.h>
#include "io/output_file.h"
#include "report/json.h"

#include <filesystem>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/common_options.h"

namespace coppice::cli {
namespace {

constexpr const char* kAboutPack =
    "Store a model without its zeros, losslessly.";

constexpr const char* kExamplesPack =
    R"(MODEL is a safetensors file, a torch.save file, the index of shards of
either, a TorchScript archive or a .pt2. OUT is a safetensors file in the
bitmask layout of compressed-tensors. Python reads it with
python/coppice_sparse.py, and `coppice unpack` restores MODEL bit for bit.

Examples:
  coppice pack sparse.safetensors -o packed.safetensors
  coppice unpack packed.safetensors -o sparse.safetensors
)";

constexpr const char* kAboutUnpack =
    "Restore the model that `coppice pack` stored, bit for bit.";

constexpr const char* kExamplesUnpack =
    R"(OUT is a file, or a folder if the packed model had shards.

Examples:
  coppice unpack packed.safetensors -o sparse.safetensors
)";

struct PackRun {
  std::string model;
  std::string output;
  bool json = false;
  bool keep_rows = false;
};

uint64_t bytes_at(const std::string& path) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path)) {
    return fs::file_size(path);
  }
  uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(path)) {
    bytes += entry.file_size();
  }
  return bytes;
}

uint64_t bytes_of(const Checkpoint& checkpoint) {
  uint64_t bytes = 0;
  for (const auto& file : checkpoint.files) {
    bytes += file->size();
  }
  return bytes;
}

void report(const PackRun& options, const Checkpoint& input) {
  const auto before = static_cast<int64_t>(bytes_of(input));
  const auto after = static_cast<int64_t>(bytes_at(options.output));
  const double share = static_cast<double>(after) / before;
  if (options.json) {
    std::cout << json_text(
                     {{"model", options.model},
                      {"output", options.output},
                      {"bytes_before", before},
                      {"bytes_after", after}})
              << '\n';
    return;
  }
  std::cout << fmt::format(
      "{} -> {} ({}). Written to {}.\n",
      to_text(before, CellFormat::kBytes),
      to_text(after, CellFormat::kBytes),
      to_text(share, CellFormat::kPercent),
      options.output);
}

ExitCode pack(const PackRun& options) {
  const auto input = open_checkpoint(options.model);
  PackOptions how;
  how.keep_rows = options.keep_rows;
  pack_checkpoint(input, options.output, how);
  report(options, input);
  return kDone;
}

ExitCode unpack(const PackRun& options) {
  const auto input = open_checkpoint(options.model);
  unpack_checkpoint(input, options.output);
  report(options, input);
  return kDone;
}

void add_pack_options(CLI::App& command, PackRun& options) {
  command.add_option("MODEL", options.model, "The model")->required();
  command.add_option("-o,--output", options.output, "Where the result goes")
      ->type_name("OUT")
      ->required();
  add_json_option(command, options.json);
}

} // namespace

void add_pack(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("pack", kAboutPack);
  command->footer(kExamplesPack);
  auto options = std::make_shared<PackRun>();
  add_pack_options(*command, *options);
  command->add_flag(
      "--keep-rows",
      options->keep_rows,
      "Also store row offsets, which the compressed-tensors library needs");
  command->callback(
      [options, &chosen] { chosen = {[options] { return pack(*options); }}; });
}

void add_unpack(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("unpack", kAboutUnpack);
  command->footer(kExamplesUnpack);
  auto options = std::make_shared<PackRun>();
  add_pack_options(*command, *options);
  command->callback([options, &chosen] {
    chosen = {[options] { return unpack(*options); }};
  });
}

} // namespace coppice::cli
