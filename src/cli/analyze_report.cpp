#include "cli/analyze_report.h"

#include <coppice/report/table.h>
#include <fmt/format.h>
#include "report/json.h"

namespace coppice::cli {
namespace {

using oneshot::AnalysisReport;

const calibration::OutputChange& any_change(const AnalysisReport& report) {
  return report.sensitivity.layers.front().changes.front();
}

} // namespace

std::string compared_on(const AnalysisReport& report) {
  const auto& change = any_change(report);
  return fmt::format(
      "{} samples {}",
      change.samples,
      change.is_held_back
          ? "that were held back"
          : "that were also used for calibration, so optimistic");
}

std::string analysis_text(const AnalysisReport& report) {
  const auto& change = any_change(report);
  const auto accuracy = change.accuracy_before
      ? fmt::format(
            ", dense accuracy {:.2f}%", 100 * change.accuracy_before.value())
      : std::string();
  return fmt::format(
      "{}\nOutputs with one layer pruned against those of the dense model, on "
      "{}{}; {} layers, {} tensors are not pruned.",
      to_text(oneshot::table_of(report.sensitivity)),
      compared_on(report),
      accuracy,
      report.sensitivity.layers.size(),
      report.left.size());
}

nlohmann::ordered_json analysis_json(
    const std::string& model,
    const std::string& method,
    const AnalysisReport& report) {
  const auto& change = any_change(report);
  auto left = nlohmann::ordered_json::array();
  for (const auto& [name, reason] : report.left) {
    left.push_back({{"tensor", name}, {"reason", reason}});
  }
  nlohmann::ordered_json json{
      {"model", model},
      {"method", method},
      {"calibration",
       {{"samples", report.work.samples},
        {"compared", change.samples},
        {"held_back", change.is_held_back}}},
      {"levels", report.sensitivity.levels},
      {"layers", to_json(oneshot::table_of(report.sensitivity))},
      {"left", std::move(left)}};
  if (change.accuracy_before) {
    json["accuracy"] = *change.accuracy_before;
  }
  return json;
}

} // namespace coppice::cli
