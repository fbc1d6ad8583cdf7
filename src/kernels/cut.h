#pragma once

#include <cstdint>

/// Where the lowest of some values end: what falls, and which of equal values.
namespace coppice::kernels {

/// Keys as `order_key` makes them, of float32 or of float64.
struct Cut {
  int64_t key = 0;  ///< A value with a lower key falls,
  int64_t ties = 0; ///< and so do the first `ties` values with this key.

  /// Whether a value falls. To be asked of values in their order: takes the
  /// ties that fall off `ties`.
  bool drops(int64_t other) {
    const bool is_tie = other == key && ties > 0;
    ties -= is_tie;
    return is_tie || other < key;
  }
};

/// The cut that drops `drop` of `count` keys, 0 < drop <= count. Reorders them.
Cut find_cut(int32_t* keys, int64_t count, int64_t drop);

} // namespace coppice::kernels
