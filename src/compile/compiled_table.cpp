#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "coppice/compile/compile.h"

namespace coppice {
namespace {

/// The total time of LibTorch's products in all layers.
double layers_time(const CompiledModel& model, int64_t batch) {
  double sum = 0;
  for (const auto& layer : model.layers) {
    for (const auto& timing : layer.timings) {
      sum += timing.batch == batch ? timing.dense : 0;
    }
  }
  return sum;
}

/// The denominator of the shares. Layers timed alone, with cold caches, can add
/// up to more than the whole model; shares must not exceed one in total.
double model_time(const CompiledModel& model, int64_t batch) {
  for (const auto& timing : model.timings) {
    if (timing.batch == batch) {
      return std::max(timing.before, layers_time(model, batch));
    }
  }
  return 0;
}

bool has_bfloat16(const std::vector<CompiledLayer>& layers) {
  return std::any_of(layers.begin(), layers.end(), [](const auto& layer) {
    return layer.format.find("bfloat16") != std::string::npos;
  });
}

std::string ratio_text(double ratio) {
  return fmt::format("{:.2f}", ratio);
}

std::vector<Cell> row_of(
    const CompiledModel& model,
    const CompiledLayer& layer,
    const LayerTiming* timing) {
  Cell batch, dense, chosen, ratio, share;
  if (timing != nullptr) {
    const double whole = model_time(model, timing->batch);
    batch = timing->batch;
    dense = fmt::format("{:.1f}", timing->dense);
    chosen = fmt::format("{:.1f}", timing->chosen);
    ratio = ratio_text(timing->dense / timing->chosen);
    share = whole > 0 ? Cell(timing->dense / whole) : Cell();
  }
  return {
      layer.name(),
      layer.kind,
      fmt::format("{}", fmt::join(layer.shape, "x")),
      layer.sparsity,
      layer.pattern,
      layer.why_left.empty() ? layer.format
                             : layer.format + " (" + layer.why_left + ")",
      batch,
      dense,
      chosen,
      ratio,
      share,
      layer.bytes_before,
      layer.bytes_after};
}

} // namespace

std::string CompiledLayer::name() const {
  return call < 2 ? layer : fmt::format("{}, call {}", layer, call);
}

Table CompiledModel::rows() const {
  Table table{
      {{"layer", "layer"},
       {"kind", "kind"},
       {"shape", "shape"},
       {"zeros", "zeros", CellFormat::kPercent},
       {"pattern", "pattern"},
       {"format", "format"},
       {"batch", "batch", CellFormat::kCount},
       {"dense_us", "LibTorch us", CellFormat::kFigure},
       {"chosen_us", "chosen us", CellFormat::kFigure},
       {"ratio", "ratio", CellFormat::kFigure},
       {"share", "of model", CellFormat::kPercent},
       {"bytes_before", "bytes", CellFormat::kBytes},
       {"bytes_after", "after", CellFormat::kBytes}},
      {}};
  for (const auto& layer : layers) {
    if (layer.timings.empty()) {
      table.rows.push_back(row_of(*this, layer, nullptr));
    }
    for (const auto& timing : layer.timings) {
      table.rows.push_back(row_of(*this, layer, &timing));
    }
  }
  return table;
}

std::string CompiledModel::weights_text() const {
  int64_t most = 0;
  for (const auto& layer : layers) {
    most = std::max(most, layer.passing_bytes);
  }
  return most == 0 ? "weights warm in the caches"
                   : fmt::format(
                         "{} of other memory read before each run of a layer, "
                         "as the model's other weights are",
                         to_text(most, CellFormat::kBytes));
}

std::string CompiledModel::table() const {
  std::string text = to_text(rows());
  int64_t before = 0;
  int64_t after = 0;
  for (const auto& layer : layers) {
    before += layer.bytes_before;
    after += layer.bytes_after;
  }
  for (const auto& timing : timings) {
    text += fmt::format(
        "\nwhole model, batch {}: {:.1f} us before, {:.1f} us after, {} times "
        "as fast",
        timing.batch,
        timing.before,
        timing.after,
        ratio_text(timing.before / timing.after));
  }
  text += "\nlayers: " + weights_text();
  text += fmt::format(
      "\nweights: {} before, {} after; largest difference of outputs: {:.1e} "
      "of the largest{}",
      to_text(before, CellFormat::kBytes),
      to_text(after, CellFormat::kBytes),
      difference,
      has_bfloat16(layers) ? ", most of it of weights rounded to bfloat16"
                           : "");
  if (is_random) {
    text +=
        "\nThe model draws random numbers: outputs were compared under equal "
        "seeds.";
  }
  return text;
}

} // namespace coppice
