#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "coppice/export.h"

namespace coppice::model {

/// The hooks of a module, in the order of their registration, with their types
/// erased: `Hooked` knows them.
///
/// Thread-safe. `entries` is a snapshot: what is added or removed while hooks
/// run counts from the next call on.
class COPPICE_API HookList {
 public:
  using Id = int64_t;
  struct Entry {
    Id id = 0;
    std::shared_ptr<const void> hook;
  };
  using Entries = std::vector<Entry>;

  HookList();
  /// A list of its own with the same hooks.
  HookList(const HookList& other);
  HookList& operator=(const HookList&) = delete;

  Id add(std::shared_ptr<const void> hook);
  /// Does nothing if there is no such number.
  void remove(Id id);

  bool is_empty() const noexcept {
    return is_empty_;
  }
  std::shared_ptr<const Entries> entries() const;

 private:
  mutable std::mutex mutex_; ///< Of all below.
  std::shared_ptr<const Entries> entries_;
  std::atomic<bool> is_empty_; ///< Also read without the mutex.
  Id last_id_ = 0;
};

} // namespace coppice::model

namespace coppice::nn {

/// What registering a hook returns. It may be copied, dropped (the hook stays)
/// and outlive the module.
///
/// Source: torch.utils.hooks.RemovableHandle.
class COPPICE_API RemovableHandle {
 public:
  RemovableHandle() = default;
  RemovableHandle(
      const std::shared_ptr<model::HookList>& list,
      model::HookList::Id id);

  /// Takes the hook out of its module. Does nothing if that was done before, or
  /// if the module is gone. A call that is under way may still run the hook.
  void remove();

 private:
  std::weak_ptr<model::HookList> list_;
  model::HookList::Id id_ = 0;
};

} // namespace coppice::nn
