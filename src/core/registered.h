#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

namespace coppice::core {

/// Whether an operator is registered already. To be asked before one is: a
/// process may hold two copies of Coppice, the program's own and the libcoppice
/// of a user's library that it loads, and LibTorch takes each name once. The
/// second copy uses what the first one registered; classes are told by name.
inline bool is_registered(const char* name) {
  return c10::Dispatcher::singleton().findSchema({name, ""}).has_value();
}

} // namespace coppice::core
