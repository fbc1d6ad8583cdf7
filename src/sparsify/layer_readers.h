#pragma once

#include <torch/types.h>

#include <memory>
#include <vector>

#include "coppice/core/activation_site.h"
#include "coppice/model/model_view.h"
#include "graph/site_readers.h"

namespace coppice::sparsify {

/// How the layers of a model, whatever it is, take their weights.
class LayerReaders {
 public:
  /// Errors: c10::ValueError if it is a view of a table of tensors.
  explicit LayerReaders(const ModelView& model);

  /// Of all layers that have `tensor` as their weight.
  ///
  /// Errors: c10::ValueError if one of them has no activation site, or takes it
  ///   in a way that is not known.
  std::vector<graph::SiteReader> of(const torch::Tensor& tensor) const;

 private:
  ActivationLayers layers_; ///< Of a `torch::nn` model.
  std::unique_ptr<graph::SiteReaders> script_;
};

} // namespace coppice::sparsify
