#include "oneshot/sampled_targets.h"

#include <algorithm>

#include "calibration/tensors_by_memory.h"
#include "graph/named_tensors.h"

namespace coppice::oneshot {

using torch::Tensor;

Tensor in_order_of(const Tensor& place, const Tensor& values) {
  const auto type = place.scalar_type();
  if (!place.is_non_overlapping_and_dense()) {
    return values.to(type).contiguous();
  }
  if (values.scalar_type() == type && values.strides() == place.strides()) {
    return values;
  }
  auto ordered = torch::empty_strided(
      place.sizes(), place.strides(), values.options().dtype(type));
  return ordered.copy_(values);
}

SampledTargets::SampledTargets(
    CheckpointPlan plan,
    const torch::jit::Module& module)
    : plan_(std::move(plan)) {
  std::map<std::string, Tensor> by_name;
  for (const auto& each : graph::named_tensors(module)) {
    by_name.emplace(each.name, each.tensor);
  }
  for (size_t i = 0; i < plan_.tensors.size(); ++i) {
    if (plan_.tensors[i].modifier == nullptr) {
      continue;
    }
    const auto& tensor = plan_.tensor(i);
    const auto found = by_name.find(tensor.name);
    if (found == by_name.end() ||
        found->second.sizes() != at::IntArrayRef(tensor.shape)) {
      leave_tensor(i, "the loaded model has no tensor of that name");
      continue;
    }
    targets_.emplace_back();
    targets_.back().index = i;
    targets_.back().rule = *plan_.tensors[i].modifier;
    targets_.back().dense = found->second;
    names_.push_back(tensor.name);
  }
}

void SampledTargets::leave_tensor(size_t index, std::string reason) {
  plan_.tensors[index].modifier = nullptr;
  plan_.tensors[index].left_because = std::move(reason);
}

void SampledTargets::leave(size_t i, std::string reason) {
  leave_tensor(targets_[i].index, std::move(reason));
}

void SampledTargets::keep(
    size_t i,
    const calibration::LayerPart& part,
    const SolvedPart& solved,
    const std::function<FileTensor(const Tensor&)>& hold) {
  const torch::NoGradGuard no_grad;
  auto& target = targets_[i];
  const auto& dense = target.dense;
  const bool has_gaps = !dense.is_non_overlapping_and_dense();
  if (!has_gaps && solved.weight.tensor.numel() == dense.numel()) {
    target.pruned =
        solved.weight.tensor.as_strided(dense.sizes(), dense.strides(), 0);
    target.file = solved.weight.file;
  } else {
    auto whole =
        torch::empty_strided(dense.sizes(), dense.strides(), dense.options());
    whole.copy_(target.pruned.defined() ? target.pruned : dense);
    part.of(whole).copy_(solved.weight.tensor);
    const auto held = has_gaps ? FileTensor{whole, nullptr} : hold(whole);
    target.pruned = held.tensor;
    target.file = held.file;
  }
  target.dampening = std::max(target.dampening, solved.dampening);
  target.dead_inputs += solved.dead_inputs;
  target.error += solved.error;
  target.outputs += solved.outputs;
}

void SampledTargets::add_error(size_t i, double error, double outputs) {
  targets_[i].error += error;
  targets_[i].outputs += outputs;
}

void SampledTargets::forget_solved() {
  for (auto& target : targets_) {
    SampledTarget as_before;
    as_before.index = target.index;
    as_before.rule = target.rule;
    as_before.dense = target.dense;
    target = as_before;
  }
}

void SampledTargets::change(torch::jit::Module& module) const {
  const torch::NoGradGuard no_grad;
  const calibration::TensorsByMemory tensors(module, names_);
  for (size_t i = 0; i < targets_.size(); ++i) {
    const FileTensor pruned{targets_[i].pruned, targets_[i].file};
    if (pruned.file && pruned.fits(tensors.at(i))) {
      pruned.give_to(tensors.at(i));
    } else if (pruned.tensor.defined()) {
      tensors.at(i).detach().copy_(pruned.tensor);
    }
  }
  for (const auto& each : graph::named_tensors(module)) {
    const auto norm = norms_.find(each.name);
    if (norm != norms_.end()) {
      each.tensor.detach().copy_(norm->second);
    }
  }
}

std::map<size_t, Tensor> SampledTargets::changed() const {
  std::map<size_t, Tensor> changed;
  for (const auto& target : targets_) {
    if (target.pruned.defined()) {
      changed[target.index] = target.pruned;
    }
  }
  for (size_t i = 0; i < plan_.tensors.size(); ++i) {
    const auto norm = norms_.find(plan_.tensor(i).name);
    if (norm != norms_.end()) {
      changed[i] = norm->second;
    }
  }
  return changed;
}

} // namespace coppice::oneshot
