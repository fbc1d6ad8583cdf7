#pragma once

#include <torch/types.h>

#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "coppice/core/values.h"
#include "coppice/export.h"

/// The three functions of an `ActivationSparsifier`: aggregate activations,
/// reduce the aggregate to scores, and make a mask of the scores. Each is a
/// user's function or a shipped one. Shipped ones have a name, so they can be
/// saved.
namespace coppice {

namespace sparsify {
/// Holds if `Callable` converts to `Function` and is not the wrapper itself.
template <typename Callable, typename Wrapper, typename Function>
using IfFunction = std::enable_if_t<std::conjunction_v<
    std::negation<std::is_same<Callable, Wrapper>>,
    std::is_convertible<Callable, Function>>>;

/// How a shipped aggregate works in place.
struct ShippedAggregate;
} // namespace sparsify

/// (aggregate so far, activation) -> aggregate.
///
/// A user's function gets batches of one size. It is called without gradients,
/// and for one layer by one thread at a time. The shipped ones add in place, so
/// memory does not grow, and take batches of any size: a smaller one is added
/// to the first rows (indices along dimension 0), a larger one adds rows, which
/// start as the first ones did.
class COPPICE_API AggregateFunction {
 public:
  using Function = std::function<torch::Tensor(
      const torch::Tensor& aggregated,
      const torch::Tensor& activation)>;

  AggregateFunction() = default; ///< None.
  template <
      typename Callable,
      typename = sparsify::IfFunction<Callable, AggregateFunction, Function>>
  /*implicit*/ AggregateFunction(Callable function)
      : function_(std::move(function)) {}
  explicit AggregateFunction(const sparsify::ShippedAggregate& shipped);

  /// A user's function that takes batches of any size.
  static AggregateFunction of_any_batch_size(Function function);

  explicit operator bool() const {
    return function_ || shipped_ != nullptr;
  }
  /// Empty for a user's function.
  const std::string& name() const {
    return name_;
  }
  /// Null for a shipped one.
  const Function& function() const {
    return function_;
  }
  /// Null for a user's function.
  const sparsify::ShippedAggregate* shipped() const {
    return shipped_;
  }
  bool takes_any_batch_size() const {
    return any_batch_size_;
  }

 private:
  std::string name_;
  Function function_;
  const sparsify::ShippedAggregate* shipped_ = nullptr;
  bool any_batch_size_ = false;
};

/// (aggregate) -> what the mask is chosen from.
class ReduceFunction {
 public:
  using Function =
      std::function<torch::Tensor(const torch::Tensor& aggregated)>;

  ReduceFunction() = default; ///< None.
  template <
      typename Callable,
      typename = sparsify::IfFunction<Callable, ReduceFunction, Function>>
  /*implicit*/ ReduceFunction(Callable function)
      : function_(std::move(function)) {}
  ReduceFunction(std::string name, Function function)
      : name_(std::move(name)), function_(std::move(function)) {}

  explicit operator bool() const {
    return bool(function_);
  }
  /// Empty for a user's function.
  const std::string& name() const {
    return name_;
  }
  torch::Tensor operator()(const torch::Tensor& aggregated) const {
    return function_(aggregated);
  }

 private:
  std::string name_;
  Function function_;
};

/// (reduced, the layer's sparse configuration) -> a mask of any dtype, whose
/// shape broadcasts to that of the activation.
class MaskFunction {
 public:
  using Function = std::function<
      torch::Tensor(const torch::Tensor& reduced, const Values& sparse_config)>;
  using Check = std::function<void(const Values& sparse_config)>;

  MaskFunction() = default; ///< None.
  template <
      typename Callable,
      typename = sparsify::IfFunction<Callable, MaskFunction, Function>>
  /*implicit*/ MaskFunction(Callable function)
      : function_(std::move(function)) {}
  MaskFunction(std::string name, Function function, Check check)
      : name_(std::move(name)),
        function_(std::move(function)),
        check_(std::move(check)) {}

  explicit operator bool() const {
    return bool(function_);
  }
  /// Empty for a user's function.
  const std::string& name() const {
    return name_;
  }
  torch::Tensor operator()(
      const torch::Tensor& reduced,
      const Values& sparse_config) const {
    return function_(reduced, sparse_config);
  }
  /// Errors: c10::ValueError if a shipped function lacks an option or the
  ///   option's value is out of range.
  void check(const Values& sparse_config) const {
    if (check_) {
      check_(sparse_config);
    }
  }

 private:
  std::string name_;
  Function function_;
  Check check_;
};

/// The sum of the activations, element by element: "sum".
COPPICE_API AggregateFunction aggregate_sum();
/// The same divided by the number of samples that each row has seen: "mean". At
/// least float32.
COPPICE_API AggregateFunction aggregate_mean();
/// The maximum: "max". Never below 0 unless the first value is the seed.
COPPICE_API AggregateFunction aggregate_max();
/// The same of magnitudes: "abs_sum", "abs_mean", "abs_max".
COPPICE_API AggregateFunction aggregate_abs_sum();
COPPICE_API AggregateFunction aggregate_abs_mean();
COPPICE_API AggregateFunction aggregate_abs_max();

/// The aggregate itself: "none". The mask has the batch's size and fits only
/// that size.
COPPICE_API ReduceFunction reduce_none();
/// Over dimension 0, the samples, which is removed or, with `keepdim`, kept
/// with size 1: "mean", "mean_keepdim" and so on.
COPPICE_API ReduceFunction reduce_mean(bool keepdim = false);
COPPICE_API ReduceFunction reduce_sum(bool keepdim = false);
COPPICE_API ReduceFunction reduce_max(bool keepdim = false);
COPPICE_API ReduceFunction reduce_abs_mean(bool keepdim = false);
COPPICE_API ReduceFunction reduce_abs_max(bool keepdim = false);
/// The square root of the sum of squares: "l2".
COPPICE_API ReduceFunction reduce_l2(bool keepdim = false);

/// Drops the `round(sparsity_level * elements)` elements, half to even, of
/// smallest magnitude, the lower index first: "magnitude".
COPPICE_API MaskFunction mask_magnitude();
/// Keeps magnitudes above `threshold`: "threshold".
COPPICE_API MaskFunction mask_threshold();
/// Keeps the `k` elements of highest magnitude, the higher index first:
/// "top_k".
COPPICE_API MaskFunction mask_top_k();
/// Keeps the `n` highest magnitudes of every `m` neighbours along the last
/// dimension: "nm".
COPPICE_API MaskFunction mask_nm();

/// The shipped functions by name; "identity" is "none" too.
///
/// Errors: c10::ValueError if there is none of this name; the nearest is given.
COPPICE_API AggregateFunction aggregate_function(const std::string& name);
COPPICE_API ReduceFunction reduce_function(const std::string& name);
COPPICE_API MaskFunction mask_function(const std::string& name);

} // namespace coppice
