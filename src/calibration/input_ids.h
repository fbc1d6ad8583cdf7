#pragma once

#include <torch/types.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "graph/weighted_call.h"

namespace coppice::calibration {

/// Tells values apart that enter ops during a run, and how ops read them.
class InputIds {
 public:
  /// The same for calls that read one value in one way.
  int64_t id_of(const graph::WeightedCall& call);

 private:
  struct Known {
    graph::WeightedCall call; ///< How it is read; without its input.
    /// One whose values are gone is not freed as long as it is known, so that
    /// no other one has its address.
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
    uint32_t version = 0;
    int64_t id = 0;
    std::vector<int64_t> sizes;
    std::vector<int64_t> strides;
    int64_t offset = 0;

    bool is(const graph::WeightedCall& other) const;
  };

  std::unordered_map<const c10::StorageImpl*, std::vector<Known>> known_;
  int64_t next_ = 0;
};

} // namespace coppice::calibration
