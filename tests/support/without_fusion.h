#pragma once

#include <torch/csrc/jit/passes/tensorexpr_fuser.h>

namespace coppice::testing {

/// While it lives, TorchScript runs its operations one by one. LibTorch 2 fuses
/// them on the CPU once it has seen a graph run, and a product and a sum that
/// are rounded together have other bits than those of the first run.
class WithoutFusion {
 public:
  WithoutFusion() : before_(torch::jit::tensorExprFuserEnabled()) {
    torch::jit::setTensorExprFuserEnabled(false);
  }
  ~WithoutFusion() {
    torch::jit::setTensorExprFuserEnabled(before_);
  }

  WithoutFusion(const WithoutFusion&) = delete;
  WithoutFusion& operator=(const WithoutFusion&) = delete;

 private:
  bool before_;
};

} // namespace coppice::testing
