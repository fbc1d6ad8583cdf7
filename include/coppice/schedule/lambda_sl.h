#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "coppice/export.h"
#include "coppice/schedule/base_scheduler.h"

namespace coppice {

/// The level of group i at epoch t is base_sl[i] * f_i(t), not clamped. The
/// functions are not part of `state_dict()`.
///
/// Source: LambdaSL of torch.ao.pruning.
class COPPICE_API LambdaSL : public BaseScheduler {
 public:
  using Lambda = std::function<double(int64_t epoch)>;

  /// One function for all groups.
  ///
  /// Errors: c10::ValueError if it is empty.
  LambdaSL(
      SparsityLevels& sparsifier,
      Lambda sl_lambda,
      int64_t last_epoch = -1,
      bool verbose = false);

  /// One function per group.
  ///
  /// Errors: c10::ValueError if there are not as many functions as groups, or
  ///   one is empty.
  LambdaSL(
      SparsityLevels& sparsifier,
      std::vector<Lambda> sl_lambdas,
      int64_t last_epoch = -1,
      bool verbose = false);

 protected:
  std::vector<double> get_sl() const override;

 private:
  void check_lambdas() const;

  std::vector<Lambda> sl_lambdas_;
};

} // namespace coppice
