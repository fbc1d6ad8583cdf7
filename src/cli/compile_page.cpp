#include "cli/compile_page.h"

#include <ATen/Parallel.h>
#include <coppice/core/version.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/version.h>
#include "io/output_file.h"

#include <ctime>
#include <filesystem>
#include <set>

#include "cli/blas.h"
#include "cli/command_words.h"
#include "cli/compile_report.h"
#include "cli/disturbance.h"
#include "cli/errors.h"
#include "cli/mask_pictures.h"
#include "cli/page_bars.h"
#include "cli/page_headlines.h"
#include "cli/page_text.h"

namespace coppice::cli {
namespace {

/// Cells that are the same for all batches of a layer are shown once.
Table layer_rows(const CompiledModel& compiled) {
  static const std::set<std::string> kOfBatch{
      "batch", "dense_us", "chosen_us", "ratio", "share"};
  auto table = compiled.rows();
  std::vector<Cell> first;
  for (auto& row : table.rows) {
    if (first.empty() || row[0] != first[0]) {
      first = row;
      continue;
    }
    for (size_t i = 0; i < row.size(); ++i) {
      if (kOfBatch.count(table.columns[i].key) == 0) {
        row[i] = Cell();
      }
    }
  }
  return table;
}

std::string why_left(const CompiledLayer& layer) {
  if (!layer.why_left.empty()) {
    return layer.why_left;
  }
  std::vector<std::string> faster;
  for (const auto& timing : layer.timings) {
    if (timing.fastest_format != kLibTorch) {
      faster.push_back(
          fmt::format("{} at batch {}", timing.fastest_format, timing.batch));
    }
  }
  return faster.empty() ? "LibTorch's product was the fastest measured"
                        : fmt::format(
                              "{} was faster, but nothing was at every batch",
                              fmt::join(faster, ", "));
}

void add_left(HtmlPage& page, const CompiledModel& compiled) {
  Table table{
      {{"layer", "layer"},
       {"zeros", "zeros", CellFormat::kPercent},
       {"why", "why"}},
      {}};
  for (const auto& layer : compiled.layers) {
    if (layer.format == kLibTorch) {
      table.rows.push_back({layer.name(), layer.sparsity, why_left(layer)});
    }
  }
  if (!table.rows.empty()) {
    page.section("Not replaced", "Layers that keep LibTorch's dense product.");
    page.table(table);
  }
}

void add_pictures(HtmlPage& page, const CompiledModel& compiled) {
  std::vector<HtmlFrame> frames;
  for (const auto& layer : compiled.layers) {
    const bool is_matrix = layer.weight.defined() && layer.weight.dim() > 1;
    if (is_matrix && !layer.is_repeated) {
      frames.push_back(mask_pictures(layer));
    }
  }
  page.section(
      "Where the zeros are",
      "Weights as matrices, one row per output. An empty cell is zero; color "
      "shows the "
      "fraction of non-zeros in a cell, relative to the highest of its "
      "picture.");
  page.frames(frames);
}

std::string timing_text(
    const PageSubject& subject,
    const CompiledModel& compiled) {
  std::string text =
      "Medians of interleaved runs. Each layer separately; dense is LibTorch's "
      "product with the same weight, zeros included; " +
      compiled.weights_text() + ".";
  text += " The whole model in consecutive calls.";
  if (subject.remembers) {
    text +=
        " Layers that were measured before on this processor, with these "
        "threads and zeros, keep those times (see --no-cache).";
  }
  return text;
}

void add_conditions(
    HtmlPage& page,
    const PageSubject& subject,
    const CompiledModel& compiled) {
  auto facts = subject.facts;
  facts.emplace_back("Processor", compiled.processor);
  facts.emplace_back("Threads", fmt::format("{}", at::get_num_threads()));
  facts.emplace_back("Instruction set", instruction_set_text());
  facts.emplace_back("BLAS", blas_name());
  facts.emplace_back("LibTorch", TORCH_VERSION);
  facts.emplace_back("Coppice", version());
  facts.emplace_back("Timing", timing_text(subject, compiled));
  facts.emplace_back(
      "Date",
      fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr))));
  facts.emplace_back("Command", command_words());
  page.section("Machine and conditions", "");
  page.facts(facts);
}

bool is_same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  const auto x = std::filesystem::weakly_canonical(a, error);
  const auto y = std::filesystem::weakly_canonical(b, error);
  return !error && x == y;
}

} // namespace

std::string compile_page(
    const PageSubject& subject,
    const CompiledModel& compiled) {
  HtmlPage page(subject.kind, subject.title, page_lead(compiled));
  if (subject.is_disturbed) {
    page.caution(fmt::format("Caution: {}.", kDisturbed));
  }
  page.figures(page_figures(compiled));
  page.section(
      "Layers",
      "A layer is replaced only if a product was measured to be faster at "
      "every "
      "batch; times are microseconds per call.");
  page.table(layer_rows(compiled));
  page.section(
      "Time before and after",
      "Each pair of bars has its own scale: the longer one is full.");
  add_bars(page, subject, compiled);
  add_left(page, compiled);
  add_pictures(page, compiled);
  add_conditions(page, subject, compiled);
  return page.text(fmt::format("coppice {}", version()));
}

void check_page(
    const std::string& page,
    const std::vector<std::string>& inputs,
    const std::string& output) {
  if (page.empty()) {
    return;
  }
  require_other_file(page, inputs);
  if (!output.empty() && is_same_file(page, output)) {
    throw InputError(fmt::format(
        "--html {} is where the output goes: name another file.", page));
  }
  require_writable(page);
}

} // namespace coppice::cli
