#pragma once

#include <ATen/core/ivalue.h>
#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "coppice/export.h"

namespace coppice {

/// A mask for the inputs of a layer.
struct COPPICE_API ActivationMask {
  /// One mask for the whole activation, or, if `has_features`, one per feature.
  /// Each broadcasts to what it masks.
  std::vector<torch::Tensor> masks;
  bool has_features = false;
  /// Indices along `feature_dim`; duplicates are masked twice.
  std::vector<int64_t> features;
  int64_t feature_dim = 0; ///< From the end if negative.

  /// The mask of the whole activation.
  ///
  /// Errors: c10::ValueError if there is one per feature.
  const torch::Tensor& whole() const;
};

/// `activation` times the mask, in the activation's dtype; a new tensor, also
/// where only features are masked. Gradients flow.
///
/// Errors: c10::ValueError if a mask does not broadcast to what it masks, or a
///   feature is out of range.
/// Source: the sparsify hook of ActivationSparsifier, which edits the caller's
///   tensor.
COPPICE_API torch::Tensor masked_activation(
    const torch::Tensor& activation,
    const ActivationMask& mask);

/// The point where an activation enters a layer, to which an activation
/// sparsifier attaches. Observers see the activation, masks change it, in the
/// order of attachment; without them it passes unchanged.
///
/// Sits before a `Hooked` layer's forward and in TorchScript graphs, where its
/// masks, but not observers, are saved with the module.
///
/// Thread-safe: changes while an activation passes take effect from the next
/// one. Observers are called by every thread that runs the model, concurrently.
class COPPICE_API ActivationSite : public torch::CustomClassHolder {
 public:
  using Observer = std::function<void(const torch::Tensor& activation)>;
  using Id = int64_t;

  /// `layer_fqn` names the layer in errors; empty if unknown.
  explicit ActivationSite(std::string layer_fqn = "");

  /// The activation as it enters the layer. Errors of observers and of
  /// `masked_activation` name the layer. Under LibTorch's tracer observers are
  /// not called, and the masks are recorded as plain operations (but see
  /// `TraceOptions::activation_sites`).
  torch::Tensor pass(const torch::Tensor& activation) const;

  /// Attaches an observer; the id detaches it.
  Id observe(Observer observer);
  Id mask(ActivationMask mask);

  /// Does nothing if there is no such id.
  void detach(Id id);

  /// Whether nothing is attached.
  bool is_empty() const;

  /// Whether `pass` can be skipped now: nothing is attached, and no tracer
  /// records it.
  bool is_idle() const;

  /// The attached masks, in order.
  std::vector<ActivationMask> masks() const;

  std::string layer_fqn() const;
  void set_layer_fqn(std::string layer_fqn);

  /// A separate site with the same observers and masks.
  c10::intrusive_ptr<ActivationSite> copy() const;

 private:
  struct Attached {
    Id id = 0;
    Observer observer; ///< Empty for a mask.
    ActivationMask mask;
  };
  using List = std::vector<Attached>;

  torch::Tensor run(const torch::Tensor& activation) const;
  /// `pass` under the tracer, recorded as one node.
  torch::Tensor record(
      const torch::Tensor& activation,
      const c10::IValue& object) const;
  Id attach(Attached attached);
  std::shared_ptr<const List> list() const;

  mutable std::mutex mutex_; ///< Guards the rest; never held in calls.
  std::string layer_fqn_;
  std::shared_ptr<const List> list_; ///< Null if nothing is attached.
  Id last_id_ = 0;
};

/// A `torch::nn` layer with a site before its forward.
class COPPICE_API HasActivationSite {
 public:
  virtual ~HasActivationSite() = default;
  virtual const c10::intrusive_ptr<ActivationSite>& activation_site() const = 0;
};

/// A layer of any kind of model, for activation sparsifiers.
struct ActivationLayer {
  std::string fqn; ///< "encoder.fc1"; empty for the model itself.
  /// Null if the layer has none.
  c10::intrusive_ptr<ActivationSite> site;
  /// The reason and a remedy if it has none: "it is not a `Hooked` layer".
  std::string why_no_site;
  std::string description; ///< The layer's `pretty_print`, in one line.
  /// The address of the layer's module.
  const void* identity = nullptr;
};

/// All layers of a model, the model included, in its order.
using ActivationLayers = std::vector<ActivationLayer>;

} // namespace coppice
