#include "cli/page_bars.h"

#include <fmt/format.h>

#include "cli/page_text.h"

namespace coppice::cli {
namespace {

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
  page.bars("Whole model", "the given model", "compiled", bars);
  if (!subject.others.empty()) {
    bars.clear();
    for (const auto& timing : subject.others) {
      bars.push_back(whole_bars(timing));
    }
    page.bars("Beside " + subject.other, "the given model", "the other", bars);
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
  bars.name = layer.name();
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

/// One chart per batch.
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
        "LibTorch's product",
        "chosen product",
        bars);
  }
}

} // namespace

void add_bars(
    HtmlPage& page,
    const PageSubject& subject,
    const CompiledModel& compiled) {
  add_whole(page, subject, compiled);
  add_layer_bars(page, compiled);
}

} // namespace coppice::cli
