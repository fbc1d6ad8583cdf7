#include "graph/op_watch.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <vector>

namespace coppice::graph {
namespace {

/// Taken ops that have not ended, on this thread.
thread_local int taken_ops = 0;

/// A taken op, from its begin to its end.
struct TakenOp : at::ObserverContext {};

// LibTorch's callbacks are plain functions, so watches are found through a
// list.
std::mutex watches_mutex;
std::vector<OpWatch*>& watches() {
  static std::vector<OpWatch*> all;
  return all;
}

/// Only the op's inputs: the interpreter passes its whole stack.
OpWatch::Inputs inputs_of(const at::RecordFunction& op) {
  const auto inputs = op.inputs();
  const auto count = std::min(op.num_inputs(), inputs.size());
  return inputs.slice(inputs.size() - count);
}

std::unique_ptr<at::ObserverContext> op_begins(const at::RecordFunction& op) {
  if (taken_ops > 0) {
    return nullptr;
  }
  std::vector<OpWatch*> now;
  {
    const std::lock_guard<std::mutex> lock(watches_mutex);
    now = watches();
  }
  ++taken_ops; // Hides ops of the watcher itself.
  bool is_taken = false;
  for (auto* watch : now) {
    is_taken = watch->show(op.name(), inputs_of(op)) || is_taken;
  }
  if (is_taken) {
    return std::make_unique<TakenOp>();
  }
  --taken_ops;
  return nullptr;
}

void op_ends(const at::RecordFunction& /*op*/, at::ObserverContext* context) {
  if (context != nullptr) {
    --taken_ops;
  }
}

} // namespace

OpWatch::OpWatch(Watcher watcher) : watcher_(std::move(watcher)) {
  {
    const std::lock_guard<std::mutex> lock(watches_mutex);
    watches().push_back(this);
  }
  handle_ =
      at::addThreadLocalCallback(at::RecordFunctionCallback(op_begins, op_ends)
                                     .needsInputs(true)
                                     .scopes({at::RecordScope::FUNCTION}));
}

OpWatch::~OpWatch() {
  at::removeCallback(handle_);
  const std::lock_guard<std::mutex> lock(watches_mutex);
  auto& all = watches();
  all.erase(std::remove(all.begin(), all.end(), this), all.end());
}

bool OpWatch::show(const char* name, Inputs inputs) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (error_) {
    return false;
  }
  try {
    return watcher_(name, inputs);
  } catch (...) { // LibTorch would ignore it.
    error_ = std::current_exception();
    return false;
  }
}

void OpWatch::rethrow() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (error_) {
    std::rethrow_exception(error_);
  }
}

} // namespace coppice::graph
