#pragma once

#include <functional>
#include <vector>

#include "coppice/schedule/base_scheduler.h"

namespace coppice {

/// The level of group i at epoch t is base_sl[i] * f_i(t), not clamped.
///
/// Source: LambdaSL of torch.ao.pruning.
class LambdaSL : public BaseScheduler {
 public:
  using Lambda = std::function<double(int64_t epoch)>;

  /// One function for all groups.
  LambdaSL(
      SparsityLevels& sparsifier,
      Lambda sl_lambda,
      int64_t last_epoch = -1,
      bool verbose = false);

  /// A function a group.
  ///
  /// Errors: c10::ValueError if there are not as many functions as groups.
  LambdaSL(
      SparsityLevels& sparsifier,
      std::vector<Lambda> sl_lambdas,
      int64_t last_epoch = -1,
      bool verbose = false);

 protected:
  std::vector<double> get_sl() const override;

 private:
  std::vector<Lambda> sl_lambdas_;
};

} // namespace coppice
