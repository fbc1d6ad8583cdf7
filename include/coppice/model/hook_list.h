#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "coppice/export.h"

namespace coppice::model {

/// The hooks of a module, in order of registration, type-erased: `Hooked` knows
/// their types.
///
/// Thread-safe. `entries` is a snapshot: changes while hooks run take effect at
/// the next call.
class COPPICE_API HookList {
 public:
  using Id = int64_t;
  struct Entry {
    Id id = 0;
    std::shared_ptr<const void> hook;
  };
  using Entries = std::vector<Entry>;

  HookList();
  /// A separate list with the same hooks.
  HookList(const HookList& other);
  HookList& operator=(const HookList&) = delete;

  Id add(std::shared_ptr<const void> hook);
  /// Does nothing if there is no such id.
  void remove(Id id);

  bool is_empty() const noexcept {
    return is_empty_;
  }
  std::shared_ptr<const Entries> entries() const;

 private:
  mutable std::mutex mutex_; ///< Guards all members below.
  std::shared_ptr<const Entries> entries_;
  std::atomic<bool> is_empty_; ///< Also read without the mutex.
  Id last_id_ = 0;
};

} // namespace coppice::model

namespace coppice::nn {

/// Returned by registering a hook. It may be copied, destroyed (the hook stays)
/// and outlive the module.
///
/// Source: torch.utils.hooks.RemovableHandle.
class COPPICE_API RemovableHandle {
 public:
  RemovableHandle() = default;
  RemovableHandle(
      const std::shared_ptr<model::HookList>& list,
      model::HookList::Id id);

  /// Removes the hook from its module. Does nothing if the hook or the module
  /// is gone. A forward in progress may still run the hook.
  void remove();

 private:
  std::weak_ptr<model::HookList> list_;
  model::HookList::Id id_ = 0;
};

} // namespace coppice::nn
