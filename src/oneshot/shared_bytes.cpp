#include "oneshot/shared_bytes.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace coppice::oneshot {
namespace {

/// The memory of a tensor, from its first byte to its last.
struct Extent {
  size_t tensor = 0;
  uintptr_t begin = 0;
  uintptr_t end = 0;
};

Extent extent_of(size_t index, const StoredTensor& tensor) {
  const auto begin = reinterpret_cast<uintptr_t>(tensor.data);
  const auto bits = static_cast<uint64_t>(dtype_bits(tensor.dtype));
  if (bits < 8) {
    return {index, begin, begin + tensor.nbytes()};
  }
  uint64_t last = 0;
  for (size_t d = 0; d < tensor.shape.size(); ++d) {
    last += static_cast<uint64_t>(tensor.shape[d] - 1) *
        static_cast<uint64_t>(tensor.strides[d]);
  }
  return {index, begin, begin + (last + 1) * bits / 8};
}

using Pair = std::pair<size_t, size_t>;

/// All pairs of tensors that overlap, the earlier of the checkpoint first.
std::vector<Pair> overlapping(const StateDict& state) {
  std::vector<Extent> extents;
  for (size_t i = 0; i < state.tensors.size(); ++i) {
    if (state.tensors[i].numel() > 0 && state.tensors[i].data != nullptr) {
      extents.push_back(extent_of(i, state.tensors[i]));
    }
  }
  std::sort(extents.begin(), extents.end(), [](const auto& a, const auto& b) {
    return a.begin < b.begin;
  });
  std::vector<Pair> pairs;
  std::vector<Extent> open;
  for (const auto& extent : extents) {
    open.erase(
        std::remove_if(
            open.begin(),
            open.end(),
            [&](const auto& other) { return other.end <= extent.begin; }),
        open.end());
    for (const auto& other : open) {
      pairs.emplace_back(std::minmax(other.tensor, extent.tensor));
    }
    open.push_back(extent);
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

bool is_same_view(const StoredTensor& a, const StoredTensor& b) {
  return a.data == b.data && a.dtype == b.dtype && a.shape == b.shape &&
      a.strides == b.strides;
}

class Settling {
 public:
  Settling(const StateDict& state, std::vector<TensorPlan>& plans)
      : state_(state), plans_(plans), pairs_(overlapping(state)) {}

  /// Repeats until nothing changes: excluding one tensor may exclude others.
  void leave_with_others() {
    for (bool changes = true; changes;) {
      changes = false;
      for (const auto& [a, b] : pairs_) {
        changes |= leave_with(a, b) || leave_with(b, a);
      }
    }
  }

  void prune_once() {
    for (const auto& [a, b] : pairs_) {
      if (plans_[a].modifier == nullptr || plans_[b].modifier == nullptr) {
        continue;
      }
      check_alike(a, b);
      plans_[b].modifier = nullptr;
      plans_[b].left_because = "pruned as `" + name(a) + "`";
      plans_[b].note.clear();
    }
  }

  void tell_what_changes() {
    for (const auto& [a, b] : pairs_) {
      tell(a, b);
      tell(b, a);
    }
  }

 private:
  const std::string& name(size_t i) const {
    return state_.tensors[i].name;
  }

  bool leave_with(size_t pruned, size_t left) {
    if (plans_[pruned].modifier == nullptr || plans_[pruned].is_named ||
        plans_[left].modifier != nullptr) {
      return false;
    }
    plans_[pruned] = {};
    plans_[pruned].left_because = "shares its values with `" + name(left) + "`";
    return true;
  }

  void check_alike(size_t a, size_t b) const {
    const auto& first = state_.tensors[a];
    const auto& second = state_.tensors[b];
    TORCH_CHECK_VALUE(
        is_same_view(first, second) || first.data != second.data,
        "`",
        second.name,
        "` and `",
        first.name,
        "` are different views of the same values; name one of them");
    TORCH_CHECK_VALUE(
        is_same_view(first, second),
        "`",
        first.name,
        "` and `",
        second.name,
        "` overlap in the file; exclude one of them");
  }

  void tell(size_t pruned, size_t left) {
    auto& plan = plans_[left];
    if (plans_[pruned].modifier != nullptr && plan.modifier == nullptr &&
        plan.note.empty() &&
        plan.left_because != "pruned as `" + name(pruned) + "`") {
      plan.note = "changes too: shares bytes with `" + name(pruned) +
          "`, which was named";
    }
  }

  const StateDict& state_;
  std::vector<TensorPlan>& plans_;
  std::vector<Pair> pairs_;
};

} // namespace

void reconcile_shared_bytes(
    const Checkpoint& input,
    std::vector<TensorPlan>& plans) {
  Settling settling(input.state, plans);
  settling.leave_with_others();
  settling.prune_once();
  settling.tell_what_changes();
}

} // namespace coppice::oneshot
