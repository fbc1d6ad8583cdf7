#include "cli/analyze_page.h"

#include <coppice/core/version.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/version.h>
#include "report/html_page.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "cli/analyze_report.h"
#include "cli/command_words.h"

namespace coppice::cli {
namespace {

using oneshot::AnalysisReport;
using oneshot::LayerSensitivity;

constexpr int64_t kRows = 48; ///< Pixels of the highest bar.
constexpr int64_t kBar = 7;   ///< Pixels of a bar's width.
constexpr int64_t kGap = 1;

/// Whether layers are compared by divergence, else by relative error.
bool has_divergence(const AnalysisReport& report) {
  return report.sensitivity.layers[0].changes[0].divergence.has_value();
}

double cost_of(const calibration::OutputChange& change) {
  return change.divergence.value_or(change.relative_error);
}

/// The smallest and the largest cost above 0 of all layers and levels.
struct Range {
  double low = 0;
  double high = 0;

  /// The height of a cost on a logarithmic scale, in (0, 1]; 0 for no cost.
  double height(double cost) const {
    if (cost <= 0 || high <= 0) {
      return 0;
    }
    constexpr double kLeast = 0.04; // The smallest stays visible.
    return high <= low
        ? 1
        : kLeast + (1 - kLeast) * std::log(cost / low) / std::log(high / low);
  }
};

Range range_of(const AnalysisReport& report) {
  Range range;
  for (const auto& layer : report.sensitivity.layers) {
    for (const auto& change : layer.changes) {
      const double cost = cost_of(change);
      if (cost > 0) {
        range.low = range.low > 0 ? std::min(range.low, cost) : cost;
        range.high = std::max(range.high, cost);
      }
    }
  }
  return range;
}

/// One bar per level, on the scale of all layers.
Picture bars_of(const LayerSensitivity& layer, const Range& range) {
  const auto levels = static_cast<int64_t>(layer.changes.size());
  Picture picture;
  picture.rows = kRows;
  picture.cols = levels * (kBar + kGap) - kGap;
  picture.shares.assign(picture.rows * picture.cols, 0);
  for (int64_t k = 0; k < levels; ++k) {
    const auto height = static_cast<int64_t>(std::ceil(
        kRows * range.height(cost_of(layer.changes[static_cast<size_t>(k)]))));
    for (int64_t row = kRows - height; row < kRows; ++row) {
      const auto begin =
          picture.shares.begin() + row * picture.cols + k * (kBar + kGap);
      std::fill(begin, begin + kBar, 1.0F);
    }
  }
  return picture;
}

std::string levels_text(const std::vector<double>& levels) {
  std::vector<std::string> texts;
  for (const double level : levels) {
    texts.push_back(fmt::format("{:g}%", 100 * level));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string cost_text(const AnalysisReport& report, double cost) {
  return has_divergence(report) ? fmt::format("KL {:.3g}", cost)
                                : fmt::format("{:.3g}% error", 100 * cost);
}

std::vector<HtmlFrame> frames_of(const AnalysisReport& report) {
  const auto range = range_of(report);
  const auto& levels = report.sensitivity.levels;
  std::vector<HtmlFrame> frames;
  for (const auto& layer : report.sensitivity.layers) {
    HtmlPicture picture;
    picture.picture = bars_of(layer, range);
    picture.aspect = 2;
    picture.caption = fmt::format(
        "{} at {:g}% to {} at {:g}%",
        cost_text(report, cost_of(layer.changes.front())),
        100 * levels.front(),
        cost_text(report, cost_of(layer.changes.back())),
        100 * levels.back());
    frames.push_back(
        {layer.name,
         fmt::format("{}", fmt::join(layer.shape, "x")),
         {std::move(picture)}});
  }
  return frames;
}

/// The layers of largest and smallest cost at the highest level.
std::vector<HtmlFigure> figures_of(const AnalysisReport& report) {
  const auto& layers = report.sensitivity.layers;
  const auto less = [](const auto& a, const auto& b) {
    return cost_of(a.changes.back()) < cost_of(b.changes.back());
  };
  const auto [low, high] =
      std::minmax_element(layers.begin(), layers.end(), less);
  const auto figure = [&](const LayerSensitivity& layer, const char* label) {
    return HtmlFigure{
        cost_text(report, cost_of(layer.changes.back())),
        fmt::format(
            "{}, at {:g}%", label, 100 * report.sensitivity.levels.back()),
        layer.name};
  };
  return {
      {fmt::format("{}", layers.size()),
       "layers",
       levels_text(report.sensitivity.levels)},
      figure(*high, "the most sensitive layer"),
      figure(*low, "the least sensitive layer")};
}

} // namespace

std::string analysis_page(
    const std::string& title,
    const std::vector<std::pair<std::string, std::string>>& facts,
    const AnalysisReport& report) {
  HtmlPage page(
      "coppice analyze",
      title,
      fmt::format(
          "How the model's outputs change if one layer alone is pruned, on {}.",
          compared_on(report)));
  page.figures(figures_of(report));
  page.section(
      "Sensitivity",
      fmt::format(
          "A bar for each level, {}: the {} on a logarithmic scale for "
          "all layers.",
          levels_text(report.sensitivity.levels),
          has_divergence(report) ? "Kullback-Leibler divergence"
                                 : "relative error of the outputs"));
  page.frames(frames_of(report));
  page.section("Layers and levels", "");
  page.table(oneshot::table_of(report.sensitivity));
  page.section("Conditions", "");
  auto all = facts;
  all.emplace_back("LibTorch", TORCH_VERSION);
  all.emplace_back("Coppice", version());
  all.emplace_back(
      "Date",
      fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr))));
  all.emplace_back("Command", command_words());
  page.facts(all);
  return page.text(fmt::format("coppice {}", version()));
}

} // namespace coppice::cli
