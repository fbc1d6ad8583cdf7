#pragma once

#include <torch/nn/module.h>
#include <torch/script.h>
#include <torch/types.h>

#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "coppice/core/activation_site.h"
#include "coppice/core/values.h"
#include "coppice/export.h"
#include "coppice/sparsify/activation_group.h"
#include "coppice/sparsify/activation_options.h"

namespace coppice {

/// A layer in a saved state.
struct ActivationGroupState {
  std::string fqn;
  ActivationOptions options;
  ActivationHook hook_state = ActivationHook::Aggregate;
  /// Set if an activation entered since the last step.
  std::optional<AggregatedActivations> aggregated;
};

/// What `ActivationSparsifier::state_dict` returns: copies, under the
/// reference's names and keys.
struct COPPICE_API ActivationSparsifierState {
  /// FQN -> "mask": a sparse tensor, a list of them (one per feature), or None.
  std::map<std::string, Values> state;
  std::vector<ActivationGroupState> data_groups; ///< In order of registration.
  ActivationOptions defaults;

  /// The same without the functions, as Python saves it; the sparsifier that
  /// loads it keeps its own.
  ActivationSparsifierState without_functions() const;
};

/// Aggregates the inputs of layers of a model for some forward passes, chooses
/// masks from the aggregates, and then masks the inputs:
///
///     ActivationSparsifier sparsifier(
///         model,
///         ActivationOptions()
///             .aggregate_fn(aggregate_sum())
///             .reduce_fn(reduce_mean())
///             .mask_fn(mask_magnitude())
///             .set("sparsity_level", 0.5));
///     sparsifier.register_layer("fc1");
///     run(model, batches);
///     sparsifier.step();        // a mask of the aggregate
///     sparsifier.squash_mask(); // from now on it is applied
///
/// Every function has its full effect, or throws and changes nothing. The model
/// may run in several threads at once; meanwhile, no function of the sparsifier
/// may be called.
///
/// Source: ActivationSparsifier of torch.ao.pruning; docs/differences.md lists
/// where this one differs.
class COPPICE_API ActivationSparsifier {
 public:
  /// A model of `Hooked` layers (model/hooked.h), or a TorchScript module from
  /// `with_activation_sites`. `defaults` hold for all layers that are not
  /// registered with other options. Layers added to the model later are not
  /// found.
  explicit ActivationSparsifier(
      const torch::nn::Module& model,
      ActivationOptions defaults = {});
  explicit ActivationSparsifier(
      const torch::jit::Module& model,
      ActivationOptions defaults = {});
  explicit ActivationSparsifier(
      ActivationLayers layers,
      ActivationOptions defaults = {});

  ActivationSparsifier(const ActivationSparsifier&) = delete;
  ActivationSparsifier& operator=(const ActivationSparsifier&) = delete;

  /// Stops aggregating. Squashed layers stay masked.
  virtual ~ActivationSparsifier();

  /// Aggregates the inputs of a layer from now on, with `options` on top of the
  /// defaults. A layer that was registered before starts again, with a warning,
  /// without its aggregate and mask.
  ///
  /// Errors: c10::ValueError if the model has no such layer (the nearest is
  ///   given), the layer has no hooks or site, `features` lack `feature_dim`, a
  ///   function is missing, or an option is wrong for a shipped mask function.
  void register_layer(
      const std::string& fqn,
      const ActivationOptions& options = {});
  void register_layer(
      const torch::nn::Module& layer,
      const ActivationOptions& options = {});
  void register_layer(
      const torch::jit::Module& layer,
      const ActivationOptions& options = {});

  /// Removes a layer and its mask.
  ///
  /// Errors: c10::ValueError if no such layer is registered.
  void unregister_layer(const std::string& fqn);

  /// The mask of a layer, also after `squash_mask`: of any dtype, with a shape
  /// that broadcasts to that of the activation, or a mask per feature. After an
  /// activation since the last step it keeps everything, as in the reference.
  ///
  /// Errors: c10::ValueError if no such layer is registered (the nearest is
  ///   given) or nothing has entered it yet.
  ActivationMask get_mask(const std::string& fqn) const;
  ActivationMask get_mask(const torch::nn::Module& layer) const;
  ActivationMask get_mask(const torch::jit::Module& layer) const;

  /// Computes the masks of all layers that are not squashed, and clears their
  /// aggregates.
  ///
  /// Errors: c10::ValueError if some layer never ran since it was registered or
  ///   since the last step (all are named), all were squashed, or a mask does
  ///   not broadcast to its activation.
  void step();

  /// Stops aggregating and masks inputs from now on, or, without
  /// `attach_sparsify_hook`, removes aggregates and masks from the layers.
  ///
  /// Errors: c10::ValueError if nothing has entered some layer yet.
  void squash_mask(bool attach_sparsify_hook = true);

  ActivationSparsifierState state_dict() const;

  /// Replaces all registered layers by those of the state, each with its hook.
  /// Functions that the state lacks are those of the registered layer, or the
  /// defaults.
  ///
  /// Errors: c10::ValueError if layers are not in the model (they are named), a
  ///   mask does not match its options, or a layer to be watched lacks a
  ///   function.
  void load_state_dict(const ActivationSparsifierState& state);

  /// All registered layers, in order.
  const std::vector<ActivationGroup>& data_groups() const {
    return groups_;
  }

  const ActivationOptions& defaults() const {
    return defaults_;
  }

  /// All layers of the model.
  const ActivationLayers& layers() const {
    return layers_;
  }

  /// Prints every group as the reference does.
  virtual void pretty_print(std::ostream& stream) const;

 protected:
  /// The mask for the aggregate of a layer or of one of its features. Runs
  /// without gradients. Default: the layer's mask function applied to its
  /// reduced activations.
  virtual torch::Tensor update_mask(
      const ActivationGroup& group,
      const torch::Tensor& aggregated);

  /// Throws c10::ValueError if a layer cannot be registered with `options`.
  /// Default: all three functions are required; override it with an
  /// `update_mask` that needs fewer.
  virtual void check_options(const ActivationOptions& options) const;

 private:
  const ActivationLayer& layer_of(const char* function, const std::string& fqn)
      const;
  const ActivationLayer& layer_at(const char* function, const void* identity)
      const;
  void register_at(
      const ActivationLayer& layer,
      const ActivationOptions& options);
  const ActivationGroup* find_group(const std::string& fqn) const;
  const ActivationGroup& group_of(const char* function, const std::string& fqn)
      const;
  ActivationMask new_mask(const ActivationGroup& group);
  ActivationGroup loaded_group(
      const ActivationGroupState& group,
      const ActivationSparsifierState& state) const;

  ActivationLayers layers_;
  ActivationOptions defaults_;
  std::vector<ActivationGroup> groups_;
};

COPPICE_API std::ostream& operator<<(
    std::ostream& stream,
    const ActivationSparsifier& sparsifier);

} // namespace coppice
