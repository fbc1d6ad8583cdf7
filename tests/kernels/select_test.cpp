#include "kernels/select.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "support/floats.h"
#include "support/targets.h"

namespace coppice::kernels::select_test {
namespace {

using testing::Floats;
using testing::random_floats;
using testing::same_bits;

/// The reference order: whether `a` is dropped before `b`.
bool lower(float a, float b, Order order) {
  if (order == Order::kMagnitude) {
    a = std::fabs(a);
    b = std::fabs(b);
  }
  return std::isnan(b) ? !std::isnan(a) : a < b;
}

TEST(OrderKey, OrdersAsFloatsDo) {
  const auto values = random_floats(300, Floats::kSpecial, 1);
  for (const Order order : {Order::kMagnitude, Order::kValue}) {
    for (const float a : values) {
      for (const float b : values) {
        ASSERT_EQ(order_key(a, order) < order_key(b, order), lower(a, b, order))
            << a << ' ' << b;
      }
    }
  }
}

TEST(OrderKey, PutsInfinityBelowNanOnly) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Order order : {Order::kMagnitude, Order::kValue}) {
    EXPECT_EQ(order_key(infinity, order), kInfinityKey);
    EXPECT_GT(order_key(NAN, order), kInfinityKey);
    EXPECT_GT(order_key(-NAN, order), kInfinityKey);
  }
}

class Select : public testing::OnEveryTarget {};

/// Calls `body(values, order, key)` for varied lengths and contents; `key` is
/// the key of one of the values.
template <class Body>
void sweep(Body body) {
  unsigned seed = 0;
  for (size_t count = 1; count < 300; count += count < 70 ? 1 : 23) {
    for (const auto kind : {Floats::kFinite, Floats::kTied, Floats::kSpecial}) {
      for (const Order order : {Order::kMagnitude, Order::kValue}) {
        const auto values = random_floats(count, kind, ++seed);
        body(values, order, order_key(values[seed % count], order));
      }
    }
  }
}

TEST_P(Select, CountsLikeAPlainLoop) {
  sweep([](const std::vector<float>& values, Order order, int32_t key) {
    const int32_t other = order_key(values.back(), order);
    const std::pair<int32_t, int32_t> brackets[] = {
        std::minmax({key, other}), {INT32_MIN, key}, {key, INT32_MAX}};
    for (const auto& [low, high] : brackets) {
      BracketCounts expected;
      std::vector<float> expected_inside;
      for (const float v : values) {
        const int32_t k = order_key(v, order);
        expected.below += k < low;
        expected.at_low += k == low;
        expected.at_high += k == high;
        expected.highest = std::max(expected.highest, k);
        if (low < k && k < high) {
          expected_inside.push_back(v);
        }
      }
      std::vector<float> inside(values.size());
      const BracketCounts counts = count_in_bracket(
          values.data(), values.size(), order, low, high, inside.data());
      EXPECT_EQ(counts.below, expected.below);
      EXPECT_EQ(counts.at_low, expected.at_low);
      EXPECT_EQ(counts.at_high, expected.at_high);
      EXPECT_EQ(counts.highest, expected.highest);
      EXPECT_EQ(counts.inside, expected_inside.size());
      inside.resize(counts.inside);
      EXPECT_TRUE(same_bits(inside, expected_inside));
    }
  });
}

TEST_P(Select, SplitsLikeAPlainLoop) {
  sweep([](const std::vector<float>& values, Order, int32_t) {
    const auto key = [&](size_t i) {
      return order_key(values[i % values.size()], Order::kMagnitude);
    };
    const std::pair<int32_t, int32_t> brackets[] = {
        std::minmax({key(3), key(7)}),
        {INT32_MIN, key(0)},
        {key(0), INT32_MAX}};
    for (const auto& [low, high] : brackets) {
      Split expected;
      std::vector<float> expected_inside;
      std::vector<int32_t> expected_places;
      std::vector<uint8_t> expected_mask;
      for (size_t i = 0; i < values.size(); ++i) {
        expected.dropped += key(i) <= low;
        expected.highest = std::max(expected.highest, key(i));
        expected_mask.push_back(key(i) > low);
        if (low < key(i) && key(i) < high) {
          expected_inside.push_back(values[i]);
          expected_places.push_back(static_cast<int32_t>(i));
        }
      }
      std::vector<uint8_t> mask(values.size(), 7);
      std::vector<float> inside(values.size());
      std::vector<int32_t> places(values.size());
      const Split split = split_at_bracket(
          values.data(),
          values.size(),
          low,
          high,
          mask.data(),
          inside.data(),
          places.data());
      EXPECT_EQ(split.dropped, expected.dropped);
      EXPECT_EQ(split.highest, expected.highest);
      EXPECT_EQ(mask, expected_mask);
      ASSERT_EQ(split.inside, expected_inside.size());
      inside.resize(split.inside);
      places.resize(split.inside);
      EXPECT_TRUE(same_bits(inside, expected_inside));
      EXPECT_EQ(places, expected_places);
    }
  });
}

TEST_P(Select, KeepsAboveLikeAPlainLoop) {
  sweep([](const std::vector<float>& values, Order order, int32_t cut) {
    std::vector<uint8_t> expected;
    size_t ties = 0;
    for (const float v : values) {
      expected.push_back(order_key(v, order) > cut);
      ties += order_key(v, order) == cut;
    }
    std::vector<uint8_t> mask(values.size(), 7);
    EXPECT_EQ(
        keep_above(values.data(), values.size(), order, cut, mask.data()),
        ties);
    EXPECT_EQ(mask, expected);
  });
}

TEST_P(Select, KeepsTiesAfterThoseDropped) {
  sweep([](const std::vector<float>& values, Order order, int32_t cut) {
    for (const size_t dropped : {0, 1, 5, 30}) {
      std::vector<uint8_t> expected(values.size());
      keep_above(values.data(), values.size(), order, cut, expected.data());
      std::vector<uint8_t> mask = expected;
      size_t ties = 0;
      for (size_t i = 0; i < values.size(); ++i) {
        if (order_key(values[i], order) == cut && ++ties > dropped) {
          expected[i] = 1;
        }
      }
      keep_ties(values.data(), values.size(), order, cut, dropped, mask.data());
      EXPECT_EQ(mask, expected);
    }
  });
}

COPPICE_TEST_ON_EVERY_TARGET(Select);

} // namespace
} // namespace coppice::kernels::select_test
