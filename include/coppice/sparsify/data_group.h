#pragma once

#include <torch/nn/modules/embedding.h>
#include <torch/types.h>

#include <string>
#include <utility>

#include "coppice/core/values.h"
#include "coppice/export.h"
#include "coppice/sparsify/sparsifier_options.h"

namespace coppice {

/// A tensor, a parameter, or the weight of an embedding. Never a copy.
class COPPICE_API Data {
 public:
  /*implicit*/ Data(torch::Tensor tensor) : tensor_(std::move(tensor)) {}
  /*implicit*/ Data(const torch::nn::Embedding& embedding);
  /*implicit*/ Data(const torch::nn::EmbeddingBag& embedding);

  const torch::Tensor& tensor() const {
    return tensor_;
  }

 private:
  torch::Tensor tensor_; ///< Undefined for an empty module holder.
};

/// A name and its data: `{"users", embedding}`.
struct NamedData {
  std::string name;
  Data data;
};

/// One named tensor under a data sparsifier with its options.
struct COPPICE_API DataGroup {
  std::string name;
  SparsifierOptions options;

  /// State of the subclass for this data; saved with the mask.
  Values state;

  /// The caller's tensor: the original values, until `squash_mask` applies the
  /// mask.
  torch::Tensor data;

  /// kBool, the shape of `data`; true means keep. Read-only.
  torch::Tensor mask;

  /// True after `squash_mask`.
  bool squashed = false;

  /// mask * original, exactly zero where dropped, computed at every call; after
  /// `squash_mask`, `data`. Gradients flow to kept entries of `data`.
  ///
  /// Errors: c10::ValueError as `check_shape`.
  torch::Tensor masked() const;

  /// The inverse of the mask, on the device of `data`.
  torch::Tensor dropped() const;

  /// Errors: c10::ValueError if `data` was given another shape than its mask.
  void check_shape() const;
};

} // namespace coppice
