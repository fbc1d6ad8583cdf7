#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coppice/export.h"
#include "coppice/solve/solvers.h"
#include "coppice/sparsify/base_sparsifier.h"

namespace coppice {

namespace sparsify {
class WatchedInputs;
} // namespace sparsify

/// A sparsifier that sees what enters the layers: from `prepare` to
/// `squash_mask` their second moments are added up whenever the model runs.
///
///     SparseGPTSparsifier sparsifier(
///         SparseGPTSparsifierOptions().sparsity_level(0.7));
///     sparsifier.prepare(*model, {{"fc1.weight"}, {"conv.weight"}});
///     run(model, samples);
///     sparsifier.step();
///     sparsifier.squash_mask();
///
/// The model is one of `nn::Hooked` layers, or a TorchScript module that
/// `with_activation_sites` returned, which shares its weights with the
/// original. Weights are those of linear layers and of convolutions over one or
/// two dimensions. The model may run in several threads at once; while it does,
/// nothing of the sparsifier may be called. A sparsifier that is destroyed
/// stops watching.
class COPPICE_API CalibratedSparsifier : public BaseSparsifier {
 public:
  ~CalibratedSparsifier() override;

  using BaseSparsifier::prepare;

  /// Also watches what enters the layers from now on.
  ///
  /// Errors: as of `BaseSparsifier`; c10::ValueError if a tensor's layer has no
  ///   activation site, changes its input before it takes the weight, or is of
  ///   another kind, or if `model` is a table of tensors.
  void prepare(const ModelView& model, const std::vector<TensorConfig>& config)
      override;

  /// Errors: as of `BaseSparsifier`; c10::ValueError, which names all of them,
  ///   if nothing has entered some layers yet, or if samples held NaN.
  void step() override;

  void squash_mask(
      const std::vector<std::string>& params_to_keep = {},
      const std::map<std::string, std::vector<std::string>>&
          params_to_keep_per_layer = {}) override;

  /// Also what was added up so far, so that a sparsifier that loads it goes on
  /// with the same bits: "second_moments", "pending_inputs" and "input_rows".
  SparsifierState state_dict() const override;

  /// What was added up is that of the state, if it has any. Layers of a state
  /// without keep theirs.
  void load_state_dict(const SparsifierState& state, bool strict = true)
      override;

  /// How many rows have entered the layers of a tensor: a sample each, a
  /// position of a sequence, a patch of a convolution.
  ///
  /// Errors: c10::ValueError if no such tensor is watched.
  int64_t input_rows(const std::string& tensor_fqn) const;

 protected:
  CalibratedSparsifier(SparsifierOptions defaults, SecondMoments::Kind kind);

  /// The mask of a tensor, and, if it is defined, its new weight.
  ///
  /// Shapes: of `rows_of`. `moments` are those of each group of a convolution,
  ///   one for anything else.
  virtual Solved solve(
      const Group& group,
      const std::vector<SecondMoments>& moments) = 0;

  /// A tensor of the shape of the group's weight as the layer takes it: [out,
  /// in], or of a convolution [out, in / groups, height, width].
  torch::Tensor rows_of(const Group& group, const torch::Tensor& tensor) const;

  torch::Tensor update_mask(Group& group) override;

 private:
  using Watched =
      std::map<std::string, std::shared_ptr<sparsify::WatchedInputs>>;

  const sparsify::WatchedInputs& watched(const std::string& tensor_fqn) const;
  void check_all_ran() const;

  SecondMoments::Kind kind_;
  Watched watched_; ///< By tensor FQN.
};

} // namespace coppice
