#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "calibration/output_change.h"
#include "coppice/report/table.h"

namespace coppice::oneshot {

/// What becomes of a model's outputs if one layer alone is pruned.
struct LayerSensitivity {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<calibration::OutputChange> changes; ///< A level each.
};

/// What pruning costs, layer by layer.
struct Sensitivity {
  std::vector<double> levels; ///< Rising, each in (0, 1].
  std::vector<LayerSensitivity> layers;

  /// The costs of a layer at each of the levels, that add up over layers: the
  /// Kullback-Leibler divergence if all layers have it at all levels, else the
  /// square of the relative error.
  std::vector<double> costs(size_t layer) const;
};

/// A row a layer and level.
Table table_of(const Sensitivity& sensitivity);

/// Reads what a JSON object has under "layers": the rows of `table_of`.
///
/// Errors: c10::ValueError, one sentence, for what are no such rows.
Sensitivity sensitivity_from_json(std::string_view json);

} // namespace coppice::oneshot
