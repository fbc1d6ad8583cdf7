#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

namespace coppice::core {

/// Whether an operator is registered. Check before registering: a process may
/// hold two copies of Coppice, the program's and the libcoppice of a user's
/// library, and LibTorch accepts each name once. The second copy uses the first
/// one's operators.
inline bool is_registered(const char* name) {
  return c10::Dispatcher::singleton().findSchema({name, ""}).has_value();
}

} // namespace coppice::core
