#pragma once

#include <cstdint>

/// The threshold below which values are dropped, and its rule for ties.
namespace coppice::kernels {

/// Keys as `order_key` makes them, of float32 or of float64.
struct Cut {
  int64_t key = 0;  ///< Values with a lower key are dropped,
  int64_t ties = 0; ///< and the first `ties` values with this key.

  /// Whether a value is dropped. Call it in order of the values: each dropped
  /// tie decrements `ties`.
  bool drops(int64_t other) {
    const bool is_tie = other == key && ties > 0;
    ties -= is_tie;
    return is_tie || other < key;
  }
};

/// The cut that drops `drop` of `count` keys, 0 < drop <= count. Reorders
/// `keys`.
Cut find_cut(int32_t* keys, int64_t count, int64_t drop);

} // namespace coppice::kernels
