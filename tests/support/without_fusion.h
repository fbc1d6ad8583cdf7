#pragma once

#include <torch/csrc/jit/passes/tensorexpr_fuser.h>

namespace coppice::testing {

/// During its lifetime, TorchScript does not fuse operations. LibTorch 2 fuses
/// them on the CPU after the first runs, and a fused product and sum round
/// differently.
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
