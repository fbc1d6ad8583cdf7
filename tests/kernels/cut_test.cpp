#include "kernels/cut.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace coppice::kernels::cut_test {

/// Indices of what the cut of `drop` of `keys` drops, in order.
std::vector<size_t> dropped(const std::vector<int32_t>& keys, int64_t drop) {
  auto room = keys;
  Cut cut = find_cut(room.data(), static_cast<int64_t>(room.size()), drop);
  std::vector<size_t> indices;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (cut.drops(keys[i])) {
      indices.push_back(i);
    }
  }
  return indices;
}

TEST(Cut, DropsTheLowest) {
  EXPECT_EQ(dropped({5, -3, 4, 0}, 2), (std::vector<size_t>{1, 3}));
}

TEST(Cut, DropsTheFirstOfEqualKeys) {
  EXPECT_EQ(dropped({7, 1, 7, 7, 9}, 3), (std::vector<size_t>{0, 1, 2}));
}

TEST(Cut, DropsNothingBelowTheLowestKey) {
  Cut cut{INT32_MIN, 0};
  EXPECT_FALSE(cut.drops(-1));
}

TEST(Cut, IsAStableSort) {
  std::mt19937 random(0);
  std::vector<int32_t> keys(200);
  for (auto& key : keys) {
    key = static_cast<int32_t>(random() % 20) - 10;
  }
  std::vector<size_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return keys[a] < keys[b];
  });
  for (size_t drop = 1; drop <= keys.size(); ++drop) {
    std::vector<size_t> expected(order.begin(), order.begin() + drop);
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(dropped(keys, static_cast<int64_t>(drop)), expected) << drop;
  }
}

} // namespace coppice::kernels::cut_test
