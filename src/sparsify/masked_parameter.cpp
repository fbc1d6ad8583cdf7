#include "sparsify/masked_parameter.h"

#include <ATen/MemoryOverlap.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/torch.h>

#include <atomic>

#include "kernels/masked_parameter.h"
#include "masks/mask_writer.h"
#include "masks/masked_weight.h"
#include "masks/ranges.h"
#include "sparsify/gradient_mask.h"

namespace coppice::sparsify {

struct MaskedParameter::State {
  torch::Tensor mask;
  /// True until a mask is set; the hook then does nothing.
  bool keeps_all = true;
  /// Where autograd accumulates the gradient, if hooked. The pointer's type
  /// depends on LibTorch's version.
  using Accumulator =
      decltype(torch::autograd::impl::grad_accumulator(torch::Tensor()));
  Accumulator accumulator;
  uintptr_t hook = 0;
};

namespace {

/// Runs `kernel(begin, end)` over the ranges of a tensor, on all threads;
/// returns whether it returned true for any.
template <typename Kernel>
bool any_range(int64_t count, Kernel kernel) {
  std::atomic<bool> any{false};
  at::parallel_for(
      0, count, masks::cpu::kGrain, [&](int64_t begin, int64_t end) {
        if (kernel(begin, end)) {
          any = true;
        }
      });
  return any;
}

} // namespace

void check_maskable(const torch::Tensor& tensor) {
  TORCH_CHECK_VALUE(tensor.defined(), "the tensor is undefined");
  TORCH_CHECK_VALUE(
      tensor.layout() == torch::kStrided,
      "expected a dense tensor, got one with layout ",
      tensor.layout());
  TORCH_CHECK_VALUE(
      tensor.is_floating_point(),
      "expected a floating tensor, got one of type ",
      tensor.scalar_type());
  TORCH_CHECK_VALUE(
      tensor.numel() > 0,
      "expected a tensor with elements, got an empty one of shape ",
      tensor.sizes());
  TORCH_CHECK_VALUE(
      !tensor.is_inference(),
      "expected a tensor that can change, got one made in inference mode");
  TORCH_CHECK_VALUE(
      at::has_internal_overlap(tensor) != at::MemOverlap::Yes,
      "expected a tensor whose elements each have a place of their own, got an "
      "expanded one of shape ",
      tensor.sizes());
}

MaskedParameter::MaskedParameter(torch::Tensor parameter)
    : parameter_(std::move(parameter)), state_(std::make_shared<State>()) {
  check_maskable(parameter_);
  state_->mask =
      torch::ones(parameter_.sizes(), parameter_.options().dtype(torch::kBool));
  install_hook();
}

MaskedParameter::~MaskedParameter() {
  remove_hook();
}

torch::Tensor MaskedParameter::mask() const {
  return state_->mask.clone();
}

torch::Tensor MaskedParameter::original() const {
  const torch::NoGradGuard no_grad;
  const auto values = parameter_.detach();
  if (!dropped_.defined()) {
    return values.clone();
  }
  // Values written to dropped entries since the last step replace the old ones.
  const auto before = dropped_.to(values.options());
  const auto hidden = torch::where(values.ne(0), values, before);
  return torch::where(state_->mask.to(values.device()), values, hidden);
}

torch::Tensor MaskedParameter::dropped() const {
  return original().masked_fill(state_->mask.to(parameter_.device()), 0);
}

bool MaskedParameter::set_mask(torch::Tensor mask) {
  if (mask.is_same(state_->mask)) {
    return false;
  }
  TORCH_CHECK_VALUE(
      mask.scalar_type() == torch::kBool && mask.sizes() == parameter_.sizes(),
      "expected a mask of type Bool and shape ",
      parameter_.sizes(),
      ", got ",
      mask.scalar_type(),
      " and ",
      mask.sizes());
  const torch::NoGradGuard no_grad;
  // Copied if anyone else could write to it.
  const bool is_ours = mask.use_count() == 1 && mask.storage().use_count() == 1;
  auto new_mask = is_ours ? std::move(mask) : mask.clone();
  new_mask = new_mask.to(parameter_.device()).contiguous();
  const bool changed = change_values(new_mask);
  spare_mask_ = std::exchange(state_->mask, std::move(new_mask));
  state_->keeps_all = state_->keeps_all && !changed;
  return changed;
}

void MaskedParameter::set_kept(const torch::Tensor& weight) {
  const torch::NoGradGuard no_grad;
  parameter_.copy_(weight.to(parameter_.device())
                       .masked_fill(state_->mask.logical_not(), 0));
}

void MaskedParameter::set_dropped(const torch::Tensor& dropped) {
  const torch::NoGradGuard no_grad;
  dropped_ = dropped.to(parameter_.options()).masked_fill(state_->mask, 0);
}

/// Compares values, not the version counter: LibTorch's optimizers write
/// through `data()`, which does not bump it.
void MaskedParameter::absorb_writes() {
  const torch::NoGradGuard no_grad;
  follow_parameter();
  if (!dropped_.defined()) {
    return;
  }
  if (masks::is_plain_float(parameter_)) {
    masks::MaskedWeight{parameter_, dropped_, state_->mask, {}}.absorb_writes();
    return;
  }
  dropped_ = original().masked_fill(state_->mask, 0);
  parameter_.masked_fill_(state_->mask.logical_not(), 0);
}

torch::Tensor MaskedParameter::renewed_mask(
    const WeightNormPattern& pattern,
    Norm norm) {
  const torch::NoGradGuard no_grad;
  if (!masks::is_plain_float(parameter_)) {
    absorb_writes();
    return weight_norm_mask(parameter_.detach(), pattern, norm);
  }
  follow_parameter();
  return masks::renewed_mask(
      {parameter_, dropped_, state_->mask, std::exchange(spare_mask_, {})},
      pattern,
      norm);
}

void MaskedParameter::squash() {
  absorb_writes();
  remove_hook();
  dropped_.reset();
  spare_mask_.reset();
}

/// A post hook of the accumulator, not a hook of the tensor: there the gradient
/// may be shared by several tensors and would have to be copied. After
/// accumulation it can be masked in place.
void MaskedParameter::install_hook() {
  if (state_->accumulator || !parameter_.requires_grad() ||
      !parameter_.is_leaf()) {
    return;
  }
  namespace autograd = torch::autograd;
  state_->accumulator = autograd::impl::grad_accumulator(parameter_);
  const auto mask_accumulated =
      [state = std::weak_ptr<State>(state_),
       parameter =
           c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>(
               parameter_.getIntrusivePtr())](
          const autograd::variable_list& outputs,
          const autograd::variable_list&) {
        const auto alive = state.lock();
        const auto tensor = parameter.lock();
        if (alive && tensor && !alive->keeps_all) {
          mask_gradient_of(torch::Tensor(tensor), alive->mask);
        }
        return outputs;
      };
  state_->hook = state_->accumulator->add_post_hook(
      std::make_unique<autograd::utils::LambdaPostHook>(mask_accumulated));
}

void MaskedParameter::remove_hook() {
  if (state_->accumulator) {
    state_->accumulator->del_post_hook(state_->hook);
    state_->accumulator.reset();
  }
}

void MaskedParameter::follow_parameter() {
  // A frozen parameter is hooked once it is unfrozen.
  install_hook();
  state_->mask = state_->mask.to(parameter_.device());
  if (dropped_.defined()) {
    dropped_ = dropped_.to(parameter_.options());
  }
}

void MaskedParameter::ensure_dropped() {
  if (!dropped_.defined()) {
    dropped_ =
        torch::zeros_like(parameter_.detach(), torch::MemoryFormat::Contiguous);
  }
}

bool MaskedParameter::change_values(const torch::Tensor& new_mask) {
  if (!masks::is_plain_float(parameter_)) {
    if (new_mask.equal(state_->mask)) {
      return false;
    }
    const auto whole = original();
    dropped_ = whole.masked_fill(new_mask, 0);
    parameter_.copy_(whole.masked_fill(new_mask.logical_not(), 0));
    return true;
  }
  ensure_dropped();
  auto* values = parameter_.data_ptr<float>();
  auto* dropped = dropped_.data_ptr<float>();
  const auto* before = masks::cpu::bytes_of(state_->mask);
  const auto* after = masks::cpu::bytes_of(new_mask);
  const bool changed =
      any_range(parameter_.numel(), [&](int64_t begin, int64_t end) {
        return kernels::change_mask(
            values + begin,
            dropped + begin,
            before + begin,
            after + begin,
            end - begin);
      });
  if (changed) {
    parameter_.unsafeGetTensorImpl()->bump_version();
  }
  return changed;
}

} // namespace coppice::sparsify
