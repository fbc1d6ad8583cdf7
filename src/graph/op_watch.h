#pragma once

#include <ATen/core/ivalue.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>

namespace coppice::graph {

/// Sees every op that LibTorch runs while it lives: those of this thread and of
/// forks that begin on it, whatever calls them: a graph, a library's code, ops
/// that are made of others.
///
/// One that runs inside another that was taken is not shown, nor are those that
/// the watcher itself runs.
class OpWatch {
 public:
  using Inputs = c10::ArrayRef<const c10::IValue>;
  /// Called before an op runs, by one thread at a time. `name` is
  /// "aten::linear". Whether it was taken.
  using Watcher = std::function<bool(const char* name, Inputs inputs)>;

  explicit OpWatch(Watcher watcher);
  ~OpWatch();
  OpWatch(const OpWatch&) = delete;
  OpWatch& operator=(const OpWatch&) = delete;

  /// Throws what the watcher threw first: the op that it was called for ran on.
  void rethrow() const;

  /// LibTorch calls this.
  bool show(const char* name, Inputs inputs);

 private:
  Watcher watcher_;
  uint64_t handle_ = 0;
  mutable std::mutex mutex_; ///< Of what follows, and held while it is called.
  std::exception_ptr error_;
};

} // namespace coppice::graph
