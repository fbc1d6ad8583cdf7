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

/// A mask over what enters a layer.
struct COPPICE_API ActivationMask {
  /// One that masks the whole activation, or, where `has_features`, one a
  /// feature. Each broadcasts to what it masks.
  std::vector<torch::Tensor> masks;
  bool has_features = false;
  /// Indices along `feature_dim`; one given twice is masked twice.
  std::vector<int64_t> features;
  int64_t feature_dim = 0; ///< From the end if negative.

  /// The one that masks the whole activation.
  ///
  /// Errors: c10::ValueError if there is one a feature.
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

/// The point where an activation enters a layer: what an activation sparsifier
/// attaches to. Observers see what passes, masks change it, in the order in
/// which they were attached; with neither, it passes as it is.
///
/// Stands in front of a `Hooked` layer's forward and in TorchScript graphs,
/// where it is saved with the module: its masks are, observers are not.
///
/// Thread-safe: what is attached or detached while an activation passes holds
/// from the next one on. Observers are called by every thread that runs the
/// model, at once.
class COPPICE_API ActivationSite : public torch::CustomClassHolder {
 public:
  using Observer = std::function<void(const torch::Tensor& activation)>;
  using Id = int64_t;

  /// `layer_fqn` names the layer in errors; empty where it is not known.
  explicit ActivationSite(std::string layer_fqn = "");

  /// The activation as it enters the layer. Errors of observers and of
  /// `masked_activation` name the layer. Under LibTorch's tracer observers are
  /// not called, and the masks are recorded as plain operations (but see
  /// `TraceOptions::activation_sites`).
  torch::Tensor pass(const torch::Tensor& activation) const;

  /// Attaches; the number detaches it again.
  Id observe(Observer observer);
  Id mask(ActivationMask mask);

  /// Does nothing if there is no such number.
  void detach(Id id);

  /// Whether activations pass as they are and nobody sees them.
  bool is_empty() const;

  /// Whether `pass` may be left out now: nothing is attached, and no tracer
  /// records what passes.
  bool is_idle() const;

  /// The masks that are attached, in their order.
  std::vector<ActivationMask> masks() const;

  std::string layer_fqn() const;
  void set_layer_fqn(std::string layer_fqn);

  /// A site of its own with the same attached.
  c10::intrusive_ptr<ActivationSite> copy() const;

 private:
  struct Attached {
    Id id = 0;
    Observer observer; ///< Empty for a mask.
    ActivationMask mask;
  };
  using List = std::vector<Attached>;

  torch::Tensor run(const torch::Tensor& activation) const;
  /// Runs under the tracer, which records one node.
  torch::Tensor record(
      const torch::Tensor& activation,
      const c10::IValue& object) const;
  Id attach(Attached attached);
  std::shared_ptr<const List> list() const;

  mutable std::mutex mutex_; ///< Of all below; never held to call or compute.
  std::string layer_fqn_;
  std::shared_ptr<const List> list_; ///< Null if nothing is attached.
  Id last_id_ = 0;
};

/// A `torch::nn` layer that has a site in front of its forward.
class COPPICE_API HasActivationSite {
 public:
  virtual ~HasActivationSite() = default;
  virtual const c10::intrusive_ptr<ActivationSite>& activation_site() const = 0;
};

/// A layer of a model as an activation sparsifier sees it, whatever the model
/// is.
struct ActivationLayer {
  std::string fqn; ///< "encoder.fc1"; empty for the model itself.
  /// Null if the layer has none.
  c10::intrusive_ptr<ActivationSite> site;
  /// Why it has none and what to do about it: "it is not a `Hooked` layer".
  std::string why_no_site;
  std::string description; ///< As the layer prints itself, in one line.
  /// What tells the layer from others: the address of its module.
  const void* identity = nullptr;
};

/// All layers of a model, itself included, in the order of the model.
using ActivationLayers = std::vector<ActivationLayer>;

} // namespace coppice
