#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coppice/core/activation_site.h"
#include "coppice/export.h"
#include "coppice/sparsify/activation_options.h"

namespace coppice {

/// The hook of a layer.
enum class ActivationHook {
  Aggregate, ///< Aggregates inputs: between `register_layer` and squashing.
  Sparsify,  ///< Masks inputs: after `squash_mask`.
  None,      ///< Nothing: after `squash_mask(false)`.
};

/// As in the reference: "aggregate", "sparsify", "None".
COPPICE_API std::string to_string(ActivationHook hook);

/// The aggregate of a layer as saved.
struct AggregatedActivations {
  std::vector<torch::Tensor> data; ///< One, or one per feature; sums of means.
  /// Samples seen by each row; empty unless it is a mean.
  std::vector<int64_t> samples;
};

namespace sparsify {
class ActivationAggregate;
}

/// A layer under an activation sparsifier. Copies share the aggregate.
class COPPICE_API ActivationGroup {
 public:
  const std::string& fqn() const {
    return layer_.fqn;
  }
  /// The layer's `pretty_print`, in one line.
  const std::string& layer() const {
    return layer_.description;
  }
  /// The layer's options on top of the sparsifier's.
  const ActivationOptions& options() const {
    return options_;
  }
  ActivationHook hook_state() const {
    return hook_state_;
  }

  /// Whether an activation entered since the layer was registered or since the
  /// last step.
  bool has_data() const;

  /// Whether there is a mask: once an activation has entered.
  bool has_mask() const {
    return mask_.has_value() || has_data();
  }

  /// A copy of the aggregate since then: one tensor, or one per feature. Empty
  /// without data.
  std::vector<torch::Tensor> data() const;

 private:
  friend class ActivationSparsifier;

  ActivationGroup(ActivationLayer layer, ActivationOptions options);

  std::optional<ActivationMask> mask() const;
  ActivationMask mask_of(std::vector<torch::Tensor> masks) const;
  void attach(ActivationHook hook);
  void detach();

  ActivationLayer layer_;
  ActivationOptions options_;
  ActivationHook hook_state_ = ActivationHook::None;
  ActivationSite::Id attached_ = 0; ///< 0 if there is no hook.
  std::shared_ptr<sparsify::ActivationAggregate> aggregate_;
  std::optional<ActivationMask> mask_; ///< Of the last step.
};

} // namespace coppice
