#include "coppice/sparsify/base_sparsifier.h"

#include <torch/torch.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/fqn.h"
#include "sparsify/group_options.h"
#include "sparsify/masked_parameter.h"
#include "sparsify/optimizer_protection.h"

namespace coppice {
namespace {

/// Checks what a configuration says of a tensor's place and removes it, as the
/// reference does.
void take_place(
    SparsifierOptions& options,
    const std::string& key,
    const std::string& expected) {
  if (!options.has(key)) {
    return;
  }
  TORCH_CHECK_VALUE(
      options.get(key).isString() && options.get(key).toStringRef() == expected,
      "the configuration says `",
      key,
      "` is `",
      to_python_string(options.get(key)),
      "`, but the tensor's name makes it `",
      expected,
      "`");
  options.erase(key);
}

} // namespace

const torch::Tensor& Group::weight() const {
  return masked_->parameter();
}

torch::Tensor Group::mask() const {
  return masked_->mask();
}

torch::Tensor Group::original() const {
  return masked_->original();
}

BaseSparsifier::BaseSparsifier(SparsifierOptions defaults)
    : defaults_(std::move(defaults)),
      protection_(std::make_unique<sparsify::OptimizerProtection>()) {}

BaseSparsifier::~BaseSparsifier() = default;

void BaseSparsifier::prepare(const ModelView& model) {
  const auto& fqns = model.default_tensor_fqns();
  TORCH_CHECK_VALUE(
      !fqns.empty(),
      "prepare: the model has no Linear submodule to choose by default; name "
      "the tensors to sparsify in a configuration");
  prepare(model, {fqns.begin(), fqns.end()});
}

void BaseSparsifier::prepare(
    const ModelView& model,
    const std::vector<TensorConfig>& config) {
  TORCH_CHECK_VALUE(
      life_ == Life::New,
      "prepare: this sparsifier is already prepared; make a new one for ",
      "another model or another configuration");
  TORCH_CHECK_VALUE(
      !config.empty(), "prepare: the configuration names no tensors");
  std::vector<Group> groups;
  std::map<const void*, std::string> seen;
  for (const auto& entry : config) {
    groups.push_back(make_group(model, entry));
    const auto [other, is_new] = seen.emplace(
        groups.back().weight().unsafeGetTensorImpl(), entry.tensor_fqn);
    TORCH_CHECK_VALUE(
        is_new,
        "prepare: `",
        entry.tensor_fqn,
        "` is the same tensor as `",
        other->second,
        "`, which the configuration names already");
  }
  groups_ = std::move(groups);
  life_ = Life::Prepared;
  for (auto& group : groups_) {
    if (group.options.has("mask")) {
      const auto mask = group.options.get("mask").toTensor();
      group.options.erase("mask");
      group.masked_->set_mask(mask.ne(0));
    }
  }
}

Group BaseSparsifier::make_group(
    const ModelView& model,
    const TensorConfig& config) const {
  const auto tensor = model.at(config.tensor_fqn);
  return sparsify::with_tensor("preparing", config.tensor_fqn, [&] {
    auto place = split_fqn(config.tensor_fqn);
    Group group;
    group.tensor_fqn = config.tensor_fqn;
    group.options = config.options.merged_over(defaults_);
    take_place(group.options, "tensor_fqn", config.tensor_fqn);
    take_place(group.options, "module_fqn", place.module_fqn);
    take_place(group.options, "tensor_name", place.tensor_name);
    group.module_fqn = std::move(place.module_fqn);
    group.tensor_name = std::move(place.tensor_name);
    if (group.options.has("mask")) {
      const auto& mask = group.options.get("mask");
      TORCH_CHECK_VALUE(
          mask.isTensor() && mask.toTensor().sizes() == tensor.sizes(),
          "option `mask`: expected a tensor of shape ",
          tensor.sizes(),
          ", got ",
          to_python_string(mask));
    }
    group.masked_ = std::make_shared<sparsify::MaskedParameter>(tensor);
    check_group(group);
    return group;
  });
}

void BaseSparsifier::step() {
  require_prepared("step");
  ++step_count_;
  if (!enable_mask_update_) {
    return;
  }
  const torch::NoGradGuard no_grad;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> news;
  for (auto& group : groups_) {
    news.push_back(sparsify::with_tensor(
        "masking", group.tensor_fqn, [&] { return renewed(group); }));
  }
  for (size_t i = 0; i < groups_.size(); ++i) {
    auto& [mask, weight] = news[i];
    if (groups_[i].masked_->set_mask(std::move(mask))) {
      forget_dropped(groups_[i]);
    }
    if (weight.defined()) {
      groups_[i].masked_->set_kept(weight);
    }
  }
}

std::pair<torch::Tensor, torch::Tensor> BaseSparsifier::renewed(Group& group) {
  group.new_weight.reset();
  auto mask = new_mask(group);
  auto weight = std::exchange(group.new_weight, torch::Tensor());
  TORCH_CHECK_VALUE(
      !weight.defined() || weight.sizes() == group.weight().sizes(),
      "update_mask: expected a new weight of shape ",
      group.weight().sizes(),
      ", got ",
      weight.sizes());
  return {std::move(mask), std::move(weight)};
}

torch::Tensor BaseSparsifier::new_mask(Group& group) {
  group.masked_->absorb_writes();
  auto mask = update_mask(group);
  TORCH_CHECK_VALUE(
      mask.defined() && mask.sizes() == group.weight().sizes(),
      "update_mask: expected a mask of shape ",
      group.weight().sizes(),
      ", got ",
      to_python_string(mask));
  return mask.scalar_type() == torch::kBool ? mask : mask.ne(0);
}

void BaseSparsifier::forget_dropped(const Group& group) {
  if (!protection_->empty()) {
    protection_->clear(group.weight(), group.mask());
  }
}

void BaseSparsifier::squash_mask(
    const std::vector<std::string>& params_to_keep,
    const std::map<std::string, std::vector<std::string>>&
        params_to_keep_per_layer) {
  require_prepared("squash_mask");
  auto kept = collect_params(params_to_keep, params_to_keep_per_layer);
  for (auto& group : groups_) {
    group.masked_->squash();
  }
  sparse_params_ = std::move(kept);
  protection_ = std::make_unique<sparsify::OptimizerProtection>();
  life_ = Life::Squashed;
}

std::map<std::string, Values> BaseSparsifier::collect_params(
    const std::vector<std::string>& params_to_keep,
    const std::map<std::string, std::vector<std::string>>& per_layer) const {
  std::set<std::string> modules;
  std::map<std::string, Values> kept;
  for (const auto& group : groups_) {
    modules.insert(group.module_fqn);
    auto names = params_to_keep;
    const auto layer = per_layer.find(group.module_fqn);
    if (layer != per_layer.end()) {
      names.insert(names.end(), layer->second.begin(), layer->second.end());
    }
    const auto values = described(group);
    for (const auto& name : names) {
      const auto value = values.find(name);
      TORCH_CHECK_VALUE(
          value != values.end(),
          "squash_mask: `",
          group.tensor_fqn,
          "` has no option `",
          name,
          "` to keep");
      kept[group.module_fqn][name] = value->second;
    }
  }
  for (const auto& layer : per_layer) {
    TORCH_CHECK_VALUE(
        modules.count(layer.first) != 0,
        "squash_mask: no tensor of a module `",
        layer.first,
        "` is under this sparsifier; the nearest module is `",
        nearest_name(layer.first, {modules.begin(), modules.end()}),
        "`");
  }
  return kept;
}

void BaseSparsifier::protect(torch::optim::Optimizer& optimizer) {
  require_prepared("protect");
  const bool updates_any =
      std::any_of(groups_.begin(), groups_.end(), [&](const Group& group) {
        return sparsify::OptimizerProtection::updates(
            optimizer, group.weight());
      });
  TORCH_CHECK_VALUE(
      updates_any,
      "protect: the optimizer updates none of the sparsifier's tensors; make "
      "it from the parameters of the prepared model");
  protection_->add(optimizer);
  apply_masks();
}

void BaseSparsifier::apply_masks() {
  require_prepared("apply_masks");
  for (auto& group : groups_) {
    group.masked_->absorb_writes();
    forget_dropped(group);
  }
}

void BaseSparsifier::set_options(
    const std::string& tensor_fqn,
    const SparsifierOptions& options) {
  require_prepared("set_options");
  const auto index = &find_group(tensor_fqn) - groups_.data();
  Group changed = groups_[index];
  changed.options = options.merged_over(changed.options);
  sparsify::with_tensor(
      "setting options of", tensor_fqn, [&] { check_group(changed); });
  groups_[index] = std::move(changed);
}

torch::Tensor BaseSparsifier::mask(const std::string& tensor_fqn) const {
  return find_group(tensor_fqn).mask();
}

torch::Tensor BaseSparsifier::original(const std::string& tensor_fqn) const {
  return find_group(tensor_fqn).original();
}

std::vector<double> BaseSparsifier::sparsity_levels() const {
  std::vector<double> levels;
  for (const auto& group : groups_) {
    levels.push_back(sparsify::described_level(
        describe(group.options), group.tensor_fqn, name()));
  }
  return levels;
}

void BaseSparsifier::set_sparsity_levels(const std::vector<double>& levels) {
  TORCH_CHECK_VALUE(
      levels.size() == groups_.size(),
      "set_sparsity_levels: expected ",
      groups_.size(),
      " levels, one per group, got ",
      levels.size());
  for (size_t i = 0; i < levels.size(); ++i) {
    groups_[i].options.set("sparsity_level", levels[i]);
  }
  enable_mask_update_ = true;
}

void BaseSparsifier::require_prepared(const char* function) const {
  TORCH_CHECK_VALUE(
      life_ != Life::New, function, ": call `prepare` with a model first");
  TORCH_CHECK_VALUE(
      life_ != Life::Squashed,
      function,
      ": the masks were squashed into the weights; make a new sparsifier");
}

const Group& BaseSparsifier::find_group(const std::string& tensor_fqn) const {
  const auto name = &Group::tensor_fqn;
  if (const auto* found = sparsify::find_named(groups_, tensor_fqn, name)) {
    return *found;
  }
  TORCH_CHECK_VALUE(
      !groups_.empty(),
      "`",
      tensor_fqn,
      "`: call `prepare` with a model first");
  TORCH_CHECK_VALUE(
      false,
      "no tensor `",
      tensor_fqn,
      "` is under this sparsifier; the nearest name is `",
      sparsify::nearest_named(groups_, tensor_fqn, name),
      "`");
}

void BaseSparsifier::check_level(double level) {
  sparsify::check_sparsity_level(level);
}

void BaseSparsifier::check_group(const Group& group) const {
  sparsify::check_described_level(describe(group.options));
  check_options(group);
}

void BaseSparsifier::check_options(const Group&) const {}

Values BaseSparsifier::describe(const SparsifierOptions& options) const {
  return options.values();
}

std::string BaseSparsifier::name() const {
  return "Sparsifier";
}

} // namespace coppice
