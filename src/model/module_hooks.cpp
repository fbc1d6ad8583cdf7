#include "coppice/model/module_hooks.h"

#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

namespace coppice::model {
namespace {

/// The hooks of all living modules, with the thread that created the module.
struct Living {
  std::mutex mutex;
  std::unordered_map<ModuleHooks*, std::thread::id> hooks;
  int64_t marks = 0;
};

Living& living() {
  // Never destroyed: modules may live as long as the program.
  static auto* const all = new Living;
  return *all;
}

/// This thread's latest clone: LibTorch destroys a child's clone before it
/// makes the next.
thread_local const ModuleHooks* last_clone = nullptr;

} // namespace

ModuleHooks::ModuleHooks(bool has_site, Parameters& parameters)
    : pre_hooks_(std::make_shared<HookList>()),
      hooks_(std::make_shared<HookList>()),
      parameters_(&parameters) {
  if (has_site) {
    site_ = c10::make_intrusive<ActivationSite>();
  }
  const std::lock_guard<std::mutex> lock(living().mutex);
  living().hooks.emplace(this, std::this_thread::get_id());
}

ModuleHooks::ModuleHooks(const ModuleHooks& other)
    : pre_hooks_(std::make_shared<HookList>(*other.pre_hooks_)),
      hooks_(std::make_shared<HookList>(*other.hooks_)),
      mark_(other.mark_) {
  if (other.site_ != nullptr) {
    site_ = other.site_->copy();
  }
}

ModuleHooks::~ModuleHooks() {
  const std::lock_guard<std::mutex> lock(living().mutex);
  living().hooks.erase(this);
  if (std::exchange(last_clone, nullptr) == this) {
    hand_over();
  }
}

void ModuleHooks::mark(Parameters& parameters) {
  const std::lock_guard<std::mutex> lock(living().mutex);
  mark_ = "hooks of clone " + std::to_string(++living().marks);
  parameters.insert(mark_, torch::Tensor());
  parameters_ = &parameters;
  living().hooks.emplace(this, std::this_thread::get_id());
  last_clone = this;
}

void ModuleHooks::unmark(Parameters& parameters) {
  if (!mark_.empty()) {
    parameters.erase(mark_);
    mark_.clear();
  }
}

void ModuleHooks::enter(torch::Tensor& input) const {
  if (site_ != nullptr && input.defined()) {
    input = site_->pass(input);
  }
}

void ModuleHooks::hand_over() {
  for (const auto& [other, thread] : living().hooks) {
    // Modules of other threads may be in use; the one wanted is this thread's.
    if (thread == std::this_thread::get_id() &&
        other->parameters_->contains(mark_)) {
      other->take(*this);
      return;
    }
  }
}

void ModuleHooks::take(ModuleHooks& clone) {
  parameters_->erase(clone.mark_);
  // Hooks that the parent's `reset()` registered take precedence.
  if (pre_hooks_->is_empty() && hooks_->is_empty()) {
    pre_hooks_ = std::move(clone.pre_hooks_);
    hooks_ = std::move(clone.hooks_);
  }
  if (site_ != nullptr && site_->is_empty()) {
    site_ = std::move(clone.site_);
  }
}

} // namespace coppice::model
