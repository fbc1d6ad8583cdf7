#pragma once

#include <torch/types.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "graph/weighted_call.h"

namespace coppice::calibration {

/// Gives the values that enter ops during a run ids, by value and by how an op
/// reads them.
class InputIds {
 public:
  /// Calls that read the same value in the same way have the same id.
  int64_t id_of(const graph::WeightedCall& call);

 private:
  struct Known {
    graph::WeightedCall call; ///< How it is read; its `input` is undefined.
    /// Weak, but keeps the address from being reused by another storage.
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
