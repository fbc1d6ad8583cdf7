#include "coppice/schedule/lambda_sl.h"

#include <c10/util/Exception.h>

#include <utility>

namespace coppice {

LambdaSL::LambdaSL(
    SparsityLevels& sparsifier,
    Lambda sl_lambda,
    int64_t last_epoch,
    bool verbose)
    : BaseScheduler(sparsifier, last_epoch, verbose),
      sl_lambdas_(base_sl().size(), std::move(sl_lambda)) {
  check_lambdas();
  start();
}

LambdaSL::LambdaSL(
    SparsityLevels& sparsifier,
    std::vector<Lambda> sl_lambdas,
    int64_t last_epoch,
    bool verbose)
    : BaseScheduler(sparsifier, last_epoch, verbose),
      sl_lambdas_(std::move(sl_lambdas)) {
  check_lambdas();
  start();
}

void LambdaSL::check_lambdas() const {
  TORCH_CHECK_VALUE(
      sl_lambdas_.size() == base_sl().size(),
      "LambdaSL: expected one function per group, ",
      base_sl().size(),
      " in all, got ",
      sl_lambdas_.size());
  for (size_t i = 0; i < sl_lambdas_.size(); ++i) {
    TORCH_CHECK_VALUE(
        sl_lambdas_[i], "LambdaSL: the function of group ", i, " is empty");
  }
}

std::vector<double> LambdaSL::get_sl() const {
  std::vector<double> levels;
  levels.reserve(sl_lambdas_.size());
  for (size_t i = 0; i < sl_lambdas_.size(); ++i) {
    levels.push_back(base_sl()[i] * sl_lambdas_[i](last_epoch()));
  }
  return levels;
}

} // namespace coppice
