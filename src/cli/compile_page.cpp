#include "cli/compile_page.h"

#include <ATen/Parallel.h>
#include <coppice/core/version.h>
#include <coppice/io/output_file.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/version.h>

#include <ctime>
#include <filesystem>
#include <set>

#include "cli/blas.h"
#include "cli/command_words.h"
#include "cli/compile_report.h"
#include "cli/disturbance.h"
#include "cli/errors.h"
#include "cli/mask_pictures.h"

namespace coppice::cli {
namespace {

constexpr const char* kLibTorch = "libtorch";

std::string time_text(double microseconds) {
  if (microseconds < 1e3) {
    return fmt::format("{:.1f} µs", microseconds);
  }
  return microseconds < 1e6 ? fmt::format("{:.2f} ms", microseconds / 1e3)
                            : fmt::format("{:.2f} s", microseconds / 1e6);
}

std::string times_text(double before, double after) {
  const double ratio = before / after;
  return fmt::format("{:.{}f}×", ratio, ratio < 10 ? 2 : ratio < 100 ? 1 : 0);
}

/// For a headline: three digits tell enough.
std::string short_bytes_text(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < std::size(kUnits); ++unit) {
    value /= 1000;
  }
  return fmt::format("{:.3g} {}", value, kUnits[unit]);
}

struct LayerTotals {
  double weights = 0;
  double zeros = 0;
  int64_t bytes_before = 0;
  int64_t bytes_after = 0;
  int64_t left = 0;
};

LayerTotals totals_of(const CompiledModel& compiled) {
  LayerTotals totals;
  for (const auto& layer : compiled.layers) {
    double weights = 1;
    for (const int64_t size : layer.shape) {
      weights *= static_cast<double>(size);
    }
    totals.weights += weights;
    totals.zeros += weights * layer.sparsity;
    totals.bytes_before += layer.bytes_before;
    totals.bytes_after += layer.bytes_after;
    totals.left += layer.format == kLibTorch ? 1 : 0;
  }
  return totals;
}

std::string lead_of(const CompiledModel& compiled, const LayerTotals& totals) {
  return fmt::format(
      "{} of {} layers run faster on another product than LibTorch's own; "
      "threads: {}, {}.",
      static_cast<int64_t>(compiled.layers.size()) - totals.left,
      compiled.layers.size(),
      at::get_num_threads(),
      compiled.processor);
}

std::vector<HtmlFigure> figures_of(
    const PageSubject& subject,
    const CompiledModel& compiled,
    const LayerTotals& totals) {
  std::vector<HtmlFigure> figures;
  for (const auto& timing : compiled.timings) {
    figures.push_back(
        {times_text(timing.before, timing.after),
         fmt::format("as fast, batch {}", timing.batch),
         fmt::format(
             "{} a call before, {} after",
             time_text(timing.before),
             time_text(timing.after))});
  }
  figures.insert(figures.end(), subject.figures.begin(), subject.figures.end());
  figures.push_back(
      {short_bytes_text(totals.bytes_after),
       "of weights in memory",
       short_bytes_text(totals.bytes_before) + " before"});
  figures.push_back(
      {fmt::format(
           "{:.1f}%",
           totals.weights > 0 ? 100 * totals.zeros / totals.weights : 0.),
       "of weights are zero",
       fmt::format(
           "{} of {}",
           to_text(
               static_cast<int64_t>(totals.zeros + 0.5), CellFormat::kCount),
           to_text(static_cast<int64_t>(totals.weights), CellFormat::kCount))});
  figures.push_back(
      {fmt::format("{:.1e}", compiled.difference),
       "largest difference",
       "of an output, in parts of the largest"});
  return figures;
}

/// Of a layer with several batches, what does not depend on them is said once.
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

HtmlBars whole_bars(const ModelTiming& timing) {
  return {
      fmt::format("batch {}", timing.batch),
      timing.before,
      timing.after,
      time_text(timing.before),
      time_text(timing.after),
      times_text(timing.before, timing.after),
      ""};
}

void add_whole(
    HtmlPage& page,
    const PageSubject& subject,
    const CompiledModel& compiled) {
  std::vector<HtmlBars> bars;
  for (const auto& timing : compiled.timings) {
    bars.push_back(whole_bars(timing));
  }
  page.bars("Whole model", "the model as it was given", "compiled", bars);
  if (!subject.others.empty()) {
    bars.clear();
    for (const auto& timing : subject.others) {
      bars.push_back(whole_bars(timing));
    }
    page.bars(
        "Beside " + subject.other,
        "the model as it was given",
        "the other",
        bars);
  }
}

HtmlBars layer_bars(
    const CompiledLayer& layer,
    const LayerTiming& timing,
    double whole) {
  const auto share = whole > 0
      ? fmt::format("{:.0f}% of the model's time", 100 * timing.dense / whole)
      : std::string();
  HtmlBars bars;
  bars.name = layer.layer;
  bars.before = timing.dense;
  bars.before_text = time_text(timing.dense);
  bars.note = share;
  bars.verdict = "left";
  if (layer.format != kLibTorch) {
    bars.after = timing.chosen;
    bars.after_text =
        fmt::format("{}, {}", time_text(timing.chosen), layer.format);
    bars.verdict = times_text(timing.dense, timing.chosen);
  }
  return bars;
}

/// A chart a batch.
void add_layer_bars(HtmlPage& page, const CompiledModel& compiled) {
  for (const auto& whole : compiled.timings) {
    std::vector<HtmlBars> bars;
    for (const auto& layer : compiled.layers) {
      for (const auto& timing : layer.timings) {
        if (timing.batch == whole.batch) {
          bars.push_back(layer_bars(layer, timing, whole.before));
        }
      }
    }
    page.bars(
        fmt::format("Layers, batch {}", whole.batch),
        "LibTorch's own product",
        "what was chosen",
        bars);
  }
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
  return faster.empty() ? "LibTorch's own was the fastest that was measured"
                        : fmt::format(
                              "faster was {}, but nothing at every batch",
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
      table.rows.push_back({layer.layer, layer.sparsity, why_left(layer)});
    }
  }
  if (!table.rows.empty()) {
    page.section(
        "Left as they were",
        "Layers that stay on LibTorch's own dense product.");
    page.table(table);
  }
}

void add_pictures(HtmlPage& page, const CompiledModel& compiled) {
  std::vector<HtmlFrame> frames;
  for (const auto& layer : compiled.layers) {
    frames.push_back(mask_pictures(layer));
  }
  page.section(
      "Where the zeros are",
      "Weights as matrices, a row an output. Empty is zero; the fuller a cell, "
      "the stronger its color, and the fullest of a picture has all of it.");
  page.frames(frames);
}

std::string timing_text(
    const PageSubject& subject,
    const CompiledModel& compiled) {
  std::string text =
      "Medians of runs in turn. Each layer on its own, dense being LibTorch's "
      "product with the same weight, its zeros included; " +
      compiled.weights_text() + ".";
  text += " The whole model as calls follow each other.";
  if (subject.remembers) {
    text +=
        " Times of layers that were measured before on this processor, with "
        "these threads and zeros, are those of that time (see --no-cache).";
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
  const auto totals = totals_of(compiled);
  HtmlPage page(subject.kind, subject.title, lead_of(compiled, totals));
  if (subject.is_disturbed) {
    page.caution(fmt::format("Caution: {}.", kDisturbed));
  }
  page.figures(figures_of(subject, compiled, totals));
  page.section(
      "Layers",
      "A layer is replaced only where a product was measured that is faster at "
      "every batch; times are microseconds of a call.");
  page.table(layer_rows(compiled));
  page.section(
      "Time before and after",
      "Every pair of bars has a scale of its own: the longer one is full.");
  add_whole(page, subject, compiled);
  add_layer_bars(page, compiled);
  add_left(page, compiled);
  add_pictures(page, compiled);
  add_conditions(page, subject, compiled);
  return page.text(fmt::format("coppice {}", version()));
}

void check_page(
    const std::string& page,
    const std::vector<std::string>& models,
    const std::string& output) {
  if (page.empty()) {
    return;
  }
  for (const auto& model : models) {
    require_other_file(page, open_checkpoint(model));
  }
  if (!output.empty() && is_same_file(page, output)) {
    throw InputError(fmt::format(
        "--html {} is where the compiled model goes: name another file.",
        page));
  }
  require_writable(page);
}

} // namespace coppice::cli
