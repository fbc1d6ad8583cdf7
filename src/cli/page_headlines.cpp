#include "cli/page_headlines.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include "cli/page_text.h"

namespace coppice::cli {
namespace {

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
    if (!layer.is_repeated && !layer.shape.empty()) {
      totals.weights += weights;
      totals.zeros += weights * layer.sparsity;
    }
    totals.bytes_before += layer.bytes_before;
    totals.bytes_after += layer.bytes_after;
    totals.left += layer.format == kLibTorch ? 1 : 0;
  }
  return totals;
}

} // namespace

std::string page_lead(const CompiledModel& compiled) {
  const auto totals = totals_of(compiled);
  return fmt::format(
      "{} of {} layers run faster on a product of Coppice than on LibTorch's; "
      "threads: {}, {}.",
      static_cast<int64_t>(compiled.layers.size()) - totals.left,
      compiled.layers.size(),
      at::get_num_threads(),
      compiled.processor);
}

std::vector<HtmlFigure> page_figures(const CompiledModel& compiled) {
  const auto totals = totals_of(compiled);
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
       "of an output, relative to the largest"});
  return figures;
}

} // namespace coppice::cli
