#include "coppice/sparsify/calibrated_sparsifier.h"

#include <torch/torch.h>

#include <utility>

#include "sparsify/group_options.h"
#include "sparsify/layer_readers.h"
#include "sparsify/watched_inputs.h"

namespace coppice {

using sparsify::WatchedInputs;

CalibratedSparsifier::CalibratedSparsifier(
    SparsifierOptions defaults,
    SecondMoments::Kind kind)
    : BaseSparsifier(std::move(defaults)), kind_(kind) {}

CalibratedSparsifier::~CalibratedSparsifier() = default;

void CalibratedSparsifier::prepare(
    const ModelView& model,
    const std::vector<TensorConfig>& config) {
  Watched watched;
  if (groups().empty()) { // Else it is prepared, which the base says.
    const sparsify::LayerReaders readers(model);
    for (const auto& entry : config) {
      const auto tensor = model.at(entry.tensor_fqn);
      watched[entry.tensor_fqn] =
          sparsify::with_tensor("preparing", entry.tensor_fqn, [&] {
            return std::make_shared<WatchedInputs>(
                readers.of(tensor), tensor, kind_);
          });
    }
  }
  BaseSparsifier::prepare(model, config);
  watched_ = std::move(watched);
  for (const auto& each : watched_) {
    each.second->attach();
  }
}

void CalibratedSparsifier::step() {
  if (enable_mask_update()) {
    check_all_ran();
  }
  BaseSparsifier::step();
}

void CalibratedSparsifier::check_all_ran() const {
  std::string missing;
  int64_t count = 0;
  for (const auto& group : groups()) {
    const auto found = watched_.find(group.tensor_fqn);
    if (found != watched_.end() && found->second->rows() == 0) {
      missing += (count == 0 ? "`" : ", `") + group.tensor_fqn + "`";
      ++count;
    }
  }
  TORCH_CHECK_VALUE(
      count == 0,
      "step: nothing has entered the ",
      count == 1 ? "layer" : "layers",
      " of ",
      missing,
      " yet; run the model on samples first, or leave out what does not run");
}

void CalibratedSparsifier::squash_mask(
    const std::vector<std::string>& params_to_keep,
    const std::map<std::string, std::vector<std::string>>&
        params_to_keep_per_layer) {
  BaseSparsifier::squash_mask(params_to_keep, params_to_keep_per_layer);
  watched_.clear();
}

SparsifierState CalibratedSparsifier::state_dict() const {
  auto saved = BaseSparsifier::state_dict();
  for (const auto& [fqn, inputs] : watched_) {
    auto state = inputs->state();
    saved.state.at(fqn).merge(state);
  }
  return saved;
}

void CalibratedSparsifier::load_state_dict(
    const SparsifierState& state,
    bool strict) {
  auto rest = state;
  std::map<std::string, std::vector<SecondMoments>> loaded;
  for (auto& [fqn, values] : rest.state) {
    const auto found = watched_.find(fqn);
    if (found != watched_.end()) {
      loaded[fqn] = sparsify::with_tensor("loading", fqn, [&, &kept = values] {
        return found->second->taken_out_of(kept);
      });
    }
  }
  BaseSparsifier::load_state_dict(rest, strict);
  Watched watched;
  for (const auto& group : groups()) {
    const auto& inputs = watched_.at(group.tensor_fqn);
    auto& moments = loaded[group.tensor_fqn];
    if (!moments.empty()) {
      inputs->set_moments(std::move(moments));
    }
    watched[group.tensor_fqn] = inputs;
  }
  watched_ = std::move(watched);
}

int64_t CalibratedSparsifier::input_rows(const std::string& tensor_fqn) const {
  return watched(tensor_fqn).rows();
}

torch::Tensor CalibratedSparsifier::rows_of(
    const Group& group,
    const torch::Tensor& tensor) const {
  return watched(group.tensor_fqn).as_taken(tensor);
}

torch::Tensor CalibratedSparsifier::update_mask(Group& group) {
  const auto& inputs = watched(group.tensor_fqn);
  const auto solved = solve(group, inputs.moments());
  if (solved.weight.defined()) {
    group.new_weight = inputs.as_stored(solved.weight);
  }
  return inputs.as_stored(solved.mask);
}

const WatchedInputs& CalibratedSparsifier::watched(
    const std::string& tensor_fqn) const {
  const auto found = watched_.find(tensor_fqn);
  TORCH_CHECK_VALUE(
      found != watched_.end(),
      "no layer with a tensor `",
      tensor_fqn,
      "` is watched by this sparsifier");
  return *found->second;
}

} // namespace coppice
