#pragma once

#include <ATen/core/ivalue.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>

namespace coppice::graph {

/// Observes the ops that LibTorch runs during its lifetime, on this thread and
/// in forks started on it, whether called by a graph, library code or other
/// ops.
///
/// Not shown are ops inside one that the watcher took, and ops that the watcher
/// runs.
class OpWatch {
 public:
  using Inputs = c10::ArrayRef<const c10::IValue>;
  /// Called before an op runs, by one thread at a time. `name` is
  /// "aten::linear". Returns whether it takes the op.
  using Watcher = std::function<bool(const char* name, Inputs inputs)>;

  explicit OpWatch(Watcher watcher);
  ~OpWatch();
  OpWatch(const OpWatch&) = delete;
  OpWatch& operator=(const OpWatch&) = delete;

  /// Rethrows the watcher's first exception, which does not stop the op.
  void rethrow() const;

  /// For LibTorch's callback.
  bool show(const char* name, Inputs inputs);

 private:
  Watcher watcher_;
  uint64_t handle_ = 0;
  mutable std::mutex mutex_; ///< Guards the rest, and calls of the watcher.
  std::exception_ptr error_;
};

} // namespace coppice::graph
