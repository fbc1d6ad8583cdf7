#include "oneshot/sensitivity.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

namespace coppice::oneshot {
namespace {

using calibration::OutputChange;
using Json = nlohmann::json;

Cell cell_of(const std::optional<double>& number) {
  return number ? Cell(*number) : Cell();
}

bool has_labels(const Sensitivity& sensitivity) {
  return !sensitivity.layers.empty() &&
      sensitivity.layers[0].changes[0].accuracy_after;
}

[[noreturn]] void refuse(const std::string& what) {
  TORCH_CHECK_VALUE(
      false,
      what,
      "; give what `coppice analyze` writes with -o FILE or prints with "
      "--json");
}

std::optional<double> number_in(const Json& row, const char* key) {
  const auto found = row.find(key);
  return found != row.end() && found->is_number()
      ? std::make_optional(found->get<double>())
      : std::nullopt;
}

/// "8x6x3x3".
std::vector<int64_t> shape_in(const std::string& text) {
  std::vector<int64_t> shape;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    const auto read = std::from_chars(at, end, shape.emplace_back());
    const bool goes_on = read.ptr < end && *read.ptr == 'x';
    if (read.ec != std::errc() || (read.ptr < end && !goes_on)) {
      refuse(fmt::format("the shape `{}` is not sizes such as 8x3", text));
    }
    if (!goes_on) {
      return shape;
    }
    at = read.ptr + 1;
  }
}

/// A row whose level comes next among those of its layer.
void add_row(const Json& row, Sensitivity& found) {
  const auto level = row.is_object() ? number_in(row, "level") : std::nullopt;
  const auto error = level ? number_in(row, "relative_error") : std::nullopt;
  const auto text = [&](const char* key) {
    return error && row.contains(key) && row[key].is_string();
  };
  if (!text("layer") || !text("shape") || *level <= 0 || *level > 1 ||
      *error < 0) {
    refuse(
        "a row of `layers` has no `layer`, `shape`, `level` in (0, 1] and "
        "`relative_error`");
  }
  const auto name = row["layer"].get<std::string>();
  if (found.layers.empty() || found.layers.back().name != name) {
    const auto shape = shape_in(row["shape"].get<std::string>());
    found.layers.push_back({name, shape, {}});
  }
  auto& changes = found.layers.back().changes;
  const auto place = changes.size();
  if (found.layers.size() == 1) {
    found.levels.push_back(*level);
  }
  if (place >= found.levels.size() || found.levels[place] != *level ||
      (place > 0 && *level <= found.levels[place - 1])) {
    refuse(fmt::format(
        "the levels of `{}` do not rise, or are others than those of the "
        "layers before it",
        name));
  }
  OutputChange change;
  change.relative_error = *error;
  change.divergence = number_in(row, "kl");
  change.agreement = number_in(row, "agreement");
  changes.push_back(change);
}

} // namespace

std::vector<double> Sensitivity::costs(size_t layer) const {
  const bool have_divergence =
      std::all_of(layers.begin(), layers.end(), [](const auto& each) {
        return std::all_of(
            each.changes.begin(), each.changes.end(), [](const auto& change) {
              return change.divergence.has_value();
            });
      });
  std::vector<double> costs;
  for (const auto& change : layers[layer].changes) {
    costs.push_back(
        have_divergence ? *change.divergence
                        : change.relative_error * change.relative_error);
  }
  return costs;
}

Table table_of(const Sensitivity& sensitivity) {
  Table table{
      {{"layer", "layer"},
       {"shape", "shape"},
       {"level", "level", CellFormat::kPercent},
       {"kl", "KL, nats", CellFormat::kFigure},
       {"relative_error", "relative error", CellFormat::kPercent},
       {"agreement", "same decisions", CellFormat::kPercent}},
      {}};
  if (has_labels(sensitivity)) {
    table.columns.push_back({"accuracy", "accuracy", CellFormat::kPercent});
  }
  for (const auto& layer : sensitivity.layers) {
    for (size_t i = 0; i < layer.changes.size(); ++i) {
      const auto& change = layer.changes[i];
      table.rows.push_back(
          {layer.name,
           fmt::format("{}", fmt::join(layer.shape, "x")),
           sensitivity.levels[i],
           cell_of(change.divergence),
           change.relative_error,
           cell_of(change.agreement)});
      if (has_labels(sensitivity)) {
        table.rows.back().push_back(cell_of(change.accuracy_after));
      }
    }
  }
  return table;
}

Sensitivity sensitivity_from_json(std::string_view text) {
  const auto json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("layers") ||
      !json["layers"].is_array() || json["layers"].empty()) {
    refuse("it holds no measured layers");
  }
  Sensitivity found;
  for (const auto& row : json["layers"]) {
    add_row(row, found);
  }
  for (const auto& layer : found.layers) {
    if (layer.changes.size() != found.levels.size()) {
      refuse(fmt::format(
          "`{}` was measured at fewer levels than `{}`",
          layer.name,
          found.layers[0].name));
    }
  }
  return found;
}

} // namespace coppice::oneshot
