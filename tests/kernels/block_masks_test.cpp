#include "kernels/block_masks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "support/floats.h"
#include "support/targets.h"

namespace coppice::kernels::block_masks_test {
namespace {

using testing::Floats;
using testing::random_floats;

class BlockMasks : public testing::OnEveryTarget {};

std::vector<uint8_t> random_decisions(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> decisions(count);
  for (auto& d : decisions) {
    d = random() % 2;
  }
  return decisions;
}

TEST_P(BlockMasks, ExpandLikeAPlainLoop) {
  for (const size_t rows : {1, 3}) {
    for (const size_t cols : {1, 3, 4, 16}) {
      for (size_t width = 1; width < 300; width += width < 70 ? 1 : 23) {
        const auto decisions =
            random_decisions((width + cols - 1) / cols, width);
        std::vector<uint8_t> mask(rows * width, 7);
        expand_blocks(decisions.data(), rows, width, cols, mask.data());
        for (size_t i = 0; i < mask.size(); ++i) {
          ASSERT_EQ(mask[i], decisions[i % width / cols]) << i;
        }
      }
    }
  }
}

/// A row of blocks for `zeros_in_blocks`.
struct Row {
  std::vector<float> values;
  size_t rows;
  size_t width;
  size_t cols;
};

/// The reference: drops `zeros` elements of every block by sorting.
std::vector<uint8_t> mask_by_sorting(
    const Row& row,
    size_t zeros,
    Order order,
    const uint8_t* block_mask) {
  std::vector<uint8_t> mask(row.values.size(), 1);
  for (size_t begin = 0; begin < row.width; begin += row.cols) {
    std::vector<size_t> block;
    for (size_t r = 0; r < row.rows; ++r) {
      for (size_t c = begin; c < std::min(begin + row.cols, row.width); ++c) {
        block.push_back(r * row.width + c);
      }
    }
    std::stable_sort(block.begin(), block.end(), [&](size_t a, size_t b) {
      return order_key(row.values[a], order) < order_key(row.values[b], order);
    });
    const bool keep = block_mask && block_mask[begin / row.cols];
    for (size_t i = 0; !keep && i < std::min(zeros, block.size()); ++i) {
      mask[block[i]] = 0;
    }
  }
  return mask;
}

void expect_zeros_in_blocks(const Row& row, size_t zeros, unsigned seed) {
  const auto decisions = random_decisions(row.width, seed);
  for (const uint8_t* block_mask :
       {decisions.data(), (const uint8_t*)nullptr}) {
    for (const Order order : {Order::kMagnitude, Order::kValue}) {
      std::vector<uint8_t> mask(row.values.size(), 7);
      EXPECT_TRUE(zeros_in_blocks(
          row.values.data(),
          row.rows,
          row.width,
          row.cols,
          zeros,
          order,
          block_mask,
          mask.data()));
      ASSERT_EQ(mask, mask_by_sorting(row, zeros, order, block_mask))
          << row.rows << ' ' << row.cols << ' ' << row.width << ' ' << zeros;
    }
  }
}

TEST_P(BlockMasks, DropTheLowestOfEveryBlock) {
  unsigned seed = 0;
  for (const auto& [rows, cols] :
       {std::pair<size_t, size_t>{1, 4},
        {1, 8},
        {2, 2},
        {4, 1},
        {1, 2},
        {1, 5}}) {
    for (size_t width = 1; width < 200; width += width < 10 ? 1 : 13) {
      for (const auto kind : {Floats::kFinite, Floats::kTied}) {
        for (size_t zeros = 0; zeros <= rows * cols; ++zeros) {
          const Row row{
              random_floats(rows * width, kind, ++seed), rows, width, cols};
          expect_zeros_in_blocks(row, zeros, seed);
        }
      }
    }
  }
}

TEST_P(BlockMasks, DropTheLowestOfLongBlocks) {
  unsigned seed = 0;
  for (const size_t cols : {63, 64, 65, 100, 1000, 4099}) {
    for (const size_t width : {cols, 2 * cols, 2 * cols + 7}) {
      for (const auto kind : {Floats::kFinite, Floats::kTied}) {
        for (const size_t zeros :
             {size_t(1), cols / 3, cols / 2, cols - 1, cols}) {
          const Row row{random_floats(width, kind, ++seed), 1, width, cols};
          expect_zeros_in_blocks(row, zeros, seed);
        }
      }
    }
  }
}

// All permutations of four values, and all patterns of ties.
TEST_P(BlockMasks, DropTheLowestOfFourInEveryOrder) {
  for (int code = 0; code < 256; ++code) {
    Row row{{}, 1, 4, 4};
    for (int i = 0; i < 4; ++i) {
      row.values.push_back(code >> (2 * i) & 3);
    }
    for (int copies = 0; copies < 6; ++copies) {
      const std::vector<float> once = row.values;
      row.values.insert(row.values.end(), once.begin(), once.end());
    }
    row.width = row.values.size();
    for (size_t zeros = 1; zeros < 4; ++zeros) {
      expect_zeros_in_blocks(row, zeros, code);
    }
  }
}

TEST_P(BlockMasks, DropNanLast) {
  const std::vector<float> values = {NAN, INFINITY, 1, -INFINITY};
  std::vector<uint8_t> mask(4);
  EXPECT_FALSE(zeros_in_blocks(
      values.data(), 1, 4, 4, 3, Order::kValue, nullptr, mask.data()));
  EXPECT_EQ(mask, (std::vector<uint8_t>{1, 0, 0, 0}));
}

TEST_P(BlockMasks, SeeEveryValueThatIsNotFinite) {
  for (const size_t cols : {3, 4, 75}) {
    for (size_t i = 0; i < 150; ++i) {
      std::vector<float> values(150, 1.0f);
      values[i] = i % 2 ? NAN : -INFINITY;
      std::vector<uint8_t> mask(150);
      EXPECT_FALSE(zeros_in_blocks(
          values.data(),
          1,
          150,
          cols,
          2,
          Order::kMagnitude,
          nullptr,
          mask.data()))
          << i;
    }
  }
}

TEST_P(BlockMasks, MaskHoldsInFoursThatWouldGetItAgain) {
  for (const size_t width : {4, 64, 132, 400}) {
    for (const size_t zeros : {1, 2, 3}) {
      auto values = random_floats(width, Floats::kFinite, width);
      std::vector<uint8_t> mask(width);
      zeros_in_blocks(
          values.data(),
          1,
          width,
          4,
          zeros,
          Order::kMagnitude,
          nullptr,
          mask.data());
      const auto holds = [&] {
        return mask_holds_in_fours(values.data(), mask.data(), width, zeros);
      };
      EXPECT_FALSE(holds()); // A dropped value is not zero.
      for (size_t i = 0; i < width; ++i) {
        values[i] = mask[i] ? values[i] : 0.0f;
      }
      EXPECT_TRUE(holds());
      EXPECT_FALSE(mask_holds_in_fours(
          values.data(), mask.data(), width, zeros % 3 + 1));
      for (size_t i = 0; i < width; ++i) {
        for (const float value : {0.0f, -0.0f, 1e-45f, INFINITY, NAN}) {
          const float was = std::exchange(values[i], value);
          const bool is_still = mask[i] ? value == 1e-45f : value == 0;
          ASSERT_EQ(holds(), is_still) << i << ' ' << value;
          values[i] = was;
        }
        mask[i] ^= 1;
        ASSERT_FALSE(holds()) << i;
        mask[i] ^= 1;
      }
    }
  }
}

COPPICE_TEST_ON_EVERY_TARGET(BlockMasks);

} // namespace
} // namespace coppice::kernels::block_masks_test
