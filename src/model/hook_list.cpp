#include "coppice/model/hook_list.h"

#include <algorithm>
#include <utility>

namespace coppice::model {

HookList::HookList()
    : entries_(std::make_shared<const Entries>()), is_empty_(true) {}

HookList::HookList(const HookList& other)
    : entries_(other.entries()), is_empty_(entries_->empty()) {
  // Continues the ids of the copied hooks.
  last_id_ = entries_->empty() ? 0 : entries_->back().id;
}

HookList::Id HookList::add(std::shared_ptr<const void> hook) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto next = std::make_shared<Entries>(*entries_);
  next->push_back({++last_id_, std::move(hook)});
  entries_ = std::move(next);
  is_empty_ = false;
  return last_id_;
}

void HookList::remove(Id id) {
  // Destroyed after the lock is released: destroying a hook may run any code.
  std::shared_ptr<const Entries> previous;
  const std::lock_guard<std::mutex> lock(mutex_);
  auto next = std::make_shared<Entries>(*entries_);
  next->erase(
      std::remove_if(
          next->begin(),
          next->end(),
          [id](const Entry& each) { return each.id == id; }),
      next->end());
  is_empty_ = next->empty();
  previous = std::exchange(entries_, std::move(next));
}

std::shared_ptr<const HookList::Entries> HookList::entries() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return entries_;
}

} // namespace coppice::model

namespace coppice::nn {

RemovableHandle::RemovableHandle(
    const std::shared_ptr<model::HookList>& list,
    model::HookList::Id id)
    : list_(list), id_(id) {}

void RemovableHandle::remove() {
  if (const auto list = list_.lock()) {
    list->remove(id_);
  }
  list_.reset();
}

} // namespace coppice::nn
