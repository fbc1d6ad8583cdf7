#pragma once

#include <torch/script.h>

#include <optional>
#include <vector>

#include "calibration/samples.h"

namespace coppice::calibration {

/// How the outputs of a pruned model differ from those of the dense one.
struct OutputChange {
  int64_t samples = 0;
  /// Whether these samples were not used for calibration.
  bool is_held_back = false;
  /// Norm of the difference over the norm of the dense outputs.
  double relative_error = 0;
  /// Fraction of decisions that are equal: the argmax, or of a single output
  /// its side of 0 (of 0.5 if outputs are probabilities).
  std::optional<double> agreement;
  /// Mean Kullback-Leibler divergence of the softmax, in nats.
  std::optional<double> divergence;
  // With labels:
  std::optional<double> accuracy_before;
  std::optional<double> accuracy_after;
};

/// Compares two models batch by batch.
class OutputComparison {
 public:
  /// `labels`: the classes of all samples, an integer tensor, or undefined.
  explicit OutputComparison(torch::Tensor labels)
      : labels_(std::move(labels)) {}

  /// Compares the outputs of both models for samples `which`.
  ///
  /// Errors: c10::ValueError if labels do not match the outputs in number or
  ///   range.
  void add(
      const c10::IValue& dense,
      const c10::IValue& pruned,
      const SampleIndices& which);

  OutputChange change() const;

 private:
  void add_classes(
      const torch::Tensor& dense,
      const torch::Tensor& pruned,
      const SampleIndices& which);
  void add_sides(const torch::Tensor& dense, const torch::Tensor& pruned);
  void add_accuracy(
      const torch::Tensor& dense,
      const torch::Tensor& pruned,
      const SampleIndices& which);

  torch::Tensor labels_;
  int64_t samples_ = 0;
  double difference_ = 0;
  double outputs_ = 0;
  double compared_ = 0;
  double agreeing_ = 0;
  double distributions_ = 0;
  double divergence_ = 0;
  double labelled_ = 0;
  double right_before_ = 0;
  double right_after_ = 0;
};

} // namespace coppice::calibration
