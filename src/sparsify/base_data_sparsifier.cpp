#include "coppice/sparsify/base_data_sparsifier.h"

#include <torch/torch.h>

#include <algorithm>

#include "sparsify/data_checks.h"
#include "sparsify/group_options.h"
#include "sparsify/masked_parameter.h"

namespace coppice {
BaseDataSparsifier::BaseDataSparsifier(SparsifierOptions defaults)
    : defaults_(std::move(defaults)) {}

BaseDataSparsifier::BaseDataSparsifier(
    const std::vector<NamedData>& data_list,
    SparsifierOptions defaults)
    : BaseDataSparsifier(std::move(defaults)) {
  for (const auto& entry : data_list) {
    add_data(entry.name, entry.data);
  }
}

torch::Tensor BaseDataSparsifier::add_data(
    const std::string& name,
    const Data& data,
    bool reuse_mask,
    const SparsifierOptions& options) {
  sparsify::check_data_name("add_data", name);
  const auto* old = find_group(name);
  TORCH_CHECK_VALUE(
      old == nullptr || !old->squashed,
      "add_data: the mask of `",
      name,
      "` was squashed; use another name or a new sparsifier");
  auto group = make_group(name, data.tensor(), old, reuse_mask, options);
  auto masked = group.masked();
  if (old == nullptr) {
    groups_.push_back(std::move(group));
  } else {
    TORCH_WARN(
        "Replacing the existing data `",
        name,
        "`. Did you mean a different name?");
    groups_[old - groups_.data()] = std::move(group);
  }
  return masked;
}

DataGroup BaseDataSparsifier::make_group(
    const std::string& name,
    const torch::Tensor& data,
    const DataGroup* old,
    bool reuse_mask,
    const SparsifierOptions& options) const {
  return sparsify::with_tensor("adding", name, [&] {
    sparsify::check_maskable(data);
    DataGroup group;
    group.name = name;
    group.data = data;
    group.options = options.merged_over(old ? old->options : defaults_);
    if (group.options.has(sparsify::kMask)) {
      group.mask = sparsify::as_data_mask(
          "option `mask`", group.options.get(sparsify::kMask), data);
      group.options.erase(sparsify::kMask);
    } else if (old != nullptr && reuse_mask) {
      group.mask = sparsify::reused_data_mask(*old, data);
    } else {
      group.mask =
          torch::ones(data.sizes(), data.options().dtype(torch::kBool));
    }
    sparsify::check_described_level(describe(group.options));
    check_options(group);
    return group;
  });
}

torch::Tensor BaseDataSparsifier::get_data(
    const std::string& name,
    bool return_original) const {
  const auto& group = group_of("get_data", name);
  TORCH_CHECK_VALUE(
      !return_original || !group.squashed,
      "get_data: the mask of `",
      name,
      "` was squashed, so its original is gone; ask for it with "
      "`return_original` as false");
  return return_original ? group.data : group.masked();
}

torch::Tensor BaseDataSparsifier::get_mask(const std::string& name) const {
  return group_of("get_mask", name).mask.clone();
}

void BaseDataSparsifier::step() {
  const auto is_squashed = [](const DataGroup& g) { return g.squashed; };
  TORCH_CHECK_VALUE(
      groups_.empty() ||
          !std::all_of(groups_.begin(), groups_.end(), is_squashed),
      "step: the masks were squashed into the data; add other data or make a "
      "new sparsifier");
  if (enable_mask_update_) {
    const torch::NoGradGuard no_grad;
    // A shallow copy: tensors are shared.
    auto groups = groups_;
    for (auto& group : groups) {
      if (!group.squashed) {
        group.mask = sparsify::with_tensor(
            "masking", group.name, [&] { return new_mask(group); });
      }
    }
    groups_ = std::move(groups);
  }
  ++step_count_;
}

torch::Tensor BaseDataSparsifier::new_mask(DataGroup& group) {
  auto mask = update_mask(group);
  // Used without a copy if nobody else could write to it.
  if (mask.defined() && mask.scalar_type() == torch::kBool &&
      mask.sizes() == group.data.sizes() &&
      mask.device() == group.data.device() && mask.use_count() == 1 &&
      mask.storage().use_count() == 1) {
    return mask;
  }
  return sparsify::as_data_mask("update_mask", mask, group.data);
}

void BaseDataSparsifier::squash_mask(
    bool leave_parametrized,
    const std::vector<std::string>& names) {
  const torch::NoGradGuard no_grad;
  const auto indices = groups_to_squash(names);
  for (const auto i : indices) {
    groups_[i].check_shape();
  }
  for (const auto i : indices) {
    auto& group = groups_[i];
    if (leave_parametrized) {
      group.data.masked_fill_(group.dropped(), 0);
    }
    group.squashed = true;
  }
}

std::vector<size_t> BaseDataSparsifier::groups_to_squash(
    const std::vector<std::string>& names) const {
  std::vector<size_t> indices;
  for (const auto& name : names) {
    const auto& group = group_of("squash_mask", name);
    TORCH_CHECK_VALUE(
        !group.squashed,
        "squash_mask: the mask of `",
        name,
        "` was squashed before");
    indices.push_back(&group - groups_.data());
  }
  if (!names.empty()) {
    return indices;
  }
  for (size_t i = 0; i < groups_.size(); ++i) {
    if (!groups_[i].squashed) {
      indices.push_back(i);
    }
  }
  TORCH_CHECK_VALUE(
      groups_.empty() || !indices.empty(),
      "squash_mask: all masks were squashed before");
  return indices;
}

void BaseDataSparsifier::set_options(
    const std::string& name,
    const SparsifierOptions& options) {
  const auto index = &group_of("set_options", name) - groups_.data();
  TORCH_CHECK_VALUE(
      !options.has(sparsify::kMask),
      "set_options: the option `mask` cannot change; give it to `add_data`");
  auto changed = groups_[index];
  changed.options = options.merged_over(changed.options);
  sparsify::with_tensor("setting options of", name, [&] {
    sparsify::check_described_level(describe(changed.options));
    check_options(changed);
  });
  groups_[index] = std::move(changed);
}

void BaseDataSparsifier::set_option(
    const std::string& option,
    const std::vector<c10::IValue>& values) {
  TORCH_CHECK_VALUE(
      values.size() == groups_.size(),
      "set_option: expected ",
      groups_.size(),
      " values of `",
      option,
      "`, one for each tensor under the sparsifier, got ",
      values.size());
  auto groups = groups_;
  for (size_t i = 0; i < values.size(); ++i) {
    groups[i].options.set(option, values[i]);
    sparsify::with_tensor("setting options of", groups[i].name, [&] {
      check_options(groups[i]);
    });
  }
  groups_ = std::move(groups);
}

Values BaseDataSparsifier::options(const std::string& name) const {
  return describe(group_of("options", name).options);
}

std::vector<double> BaseDataSparsifier::sparsity_levels() const {
  std::vector<double> levels;
  for (const auto& group : groups_) {
    levels.push_back(
        sparsify::described_level(describe(group.options), group.name, name()));
  }
  return levels;
}

void BaseDataSparsifier::set_sparsity_levels(
    const std::vector<double>& levels) {
  set_option("sparsity_level", {levels.begin(), levels.end()});
  enable_mask_update_ = true;
}

const DataGroup* BaseDataSparsifier::find_group(const std::string& name) const {
  return sparsify::find_named(groups_, name, &DataGroup::name);
}

const DataGroup& BaseDataSparsifier::group_of(
    const char* function,
    const std::string& name) const {
  if (const auto* group = find_group(name)) {
    return *group;
  }
  const auto hint = groups_.empty()
      ? std::string("none was added yet")
      : c10::str(
            "the nearest name is `",
            sparsify::nearest_named(groups_, name, &DataGroup::name),
            "`");
  TORCH_CHECK_VALUE(
      false, function, ": there is no data named `", name, "`; ", hint);
}

void BaseDataSparsifier::check_options(const DataGroup&) const {}

Values BaseDataSparsifier::describe(const SparsifierOptions& options) const {
  return options.values();
}

std::string BaseDataSparsifier::name() const {
  return "DataSparsifier";
}

} // namespace coppice
