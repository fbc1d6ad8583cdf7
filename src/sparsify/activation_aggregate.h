#pragma once

#include <torch/types.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "coppice/core/activation_site.h"
#include "coppice/sparsify/activation_group.h"
#include "coppice/sparsify/activation_options.h"

namespace coppice::sparsify {

/// What is aggregated at a layer between two steps, shared with the layer's
/// observer. Thread-safe.
class ActivationAggregate {
 public:
  /// `options` have an aggregate function.
  explicit ActivationAggregate(ActivationOptions options);

  /// Adds an activation, without gradients.
  ///
  /// Errors: c10::ValueError, before anything changes, if a feature is out of
  ///   range or the shape is not that of the activations before, save for the
  ///   batch where the aggregate function allows it.
  void add(const torch::Tensor& activation);

  /// Whether an activation came since construction or the last `clear`.
  bool has_data() const;
  void clear();

  /// The aggregate: one tensor, or one per feature. Not copies.
  std::vector<torch::Tensor> data() const;

  /// The shapes that masks are for, those of the largest batch: one, or one per
  /// feature.
  std::vector<std::vector<int64_t>> shapes() const;

  /// A mask of ones for each of `shapes`.
  std::vector<torch::Tensor> ones() const;

  /// Copies, for `restore`.
  AggregatedActivations state() const;

  /// Errors: c10::ValueError if the aggregate function cannot continue from
  ///   `state`, or there are not as many tensors as `ones`.
  void restore(
      const AggregatedActivations& state,
      const std::vector<torch::Tensor>& ones);

 private:
  /// Of the whole activation or of one feature.
  struct Part {
    torch::Tensor data;
    std::vector<int64_t> shape; ///< Of the largest input.
    torch::TensorOptions options;
  };

  std::vector<torch::Tensor> parts_of(const torch::Tensor& activation) const;
  void check_fits(const Part& part, const torch::Tensor& activation) const;
  void add_all(
      std::vector<Part>& parts,
      const std::vector<torch::Tensor>& entering) const;
  void add_shipped(Part& part, const torch::Tensor& activation) const;
  void add_users(Part& part, const torch::Tensor& activation) const;
  bool first_value_seed() const;
  static void grow(Part& part, const torch::Tensor& activation);
  void count_samples(int64_t rows);

  ActivationOptions options_;
  mutable std::mutex mutex_; ///< Guards all members below.
  std::vector<Part> parts_;
  /// Samples seen by each row; only for means.
  std::vector<int64_t> samples_;
  bool has_data_ = false;
};

} // namespace coppice::sparsify
