#include "kernels/bitmask.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace coppice::kernels::bitmask_test {
namespace {

/// Elements with about `zeros` tenths of zeros, the others with random bits,
/// sometimes only the highest: -0.
template <typename T>
std::vector<std::byte> random_elements(size_t count, unsigned zeros) {
  std::mt19937_64 random(count);
  std::vector<std::byte> bytes(count * sizeof(T));
  for (size_t i = 0; i < count; ++i) {
    const T any[] = {
        static_cast<T>(random()),
        1,
        static_cast<T>(T(1) << (8 * sizeof(T) - 1))};
    const T value = random() % 10 < zeros ? T(0) : any[random() % 3];
    std::memcpy(&bytes[i * sizeof(T)], &value, sizeof(T));
  }
  return bytes;
}

template <typename T>
class Bitmask : public ::testing::Test {};
using Widths = ::testing::Types<uint16_t, uint32_t, uint64_t>;
TYPED_TEST_SUITE(Bitmask, Widths, );

template <typename T>
void expect_round_trip(const std::byte* values, size_t count) {
  size_t expected = 0;
  std::vector<uint8_t> expected_bits((count + 7) / 8);
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, values + i * sizeof(T), sizeof(T));
    expected += value != 0;
    expected_bits[i / 8] |= static_cast<uint8_t>((value != 0) << (i % 8));
  }
  ASSERT_EQ(count_nonzeros(values, count, sizeof(T)), expected);

  std::vector<uint8_t> bits((count + 7) / 8, 0xff);
  nonzero_bits(values, count, sizeof(T), bits.data());
  ASSERT_EQ(bits, expected_bits);
  ASSERT_EQ(count_bits(bits.data(), count), expected);

  std::vector<std::byte> nonzeros(count * sizeof(T));
  ASSERT_EQ(
      compress_nonzeros(values, count, sizeof(T), nonzeros.data()), expected);
  // Of the exact size, so that sanitizers detect overruns.
  nonzeros.resize(expected * sizeof(T));
  nonzeros.shrink_to_fit();
  std::vector<std::byte> back(count * sizeof(T), std::byte(7));
  ASSERT_EQ(
      expand_nonzeros(
          bits.data(), nonzeros.data(), count, sizeof(T), back.data()),
      expected);
  ASSERT_TRUE(
      back.empty() || std::memcmp(back.data(), values, back.size()) == 0);
}

TYPED_TEST(Bitmask, ComesBackAtEveryLengthAndLevel) {
  for (const unsigned zeros : {0u, 5u, 9u, 10u}) {
    for (size_t count = 0; count < 200; ++count) {
      const auto values = random_elements<TypeParam>(count, zeros);
      expect_round_trip<TypeParam>(values.data(), count);
    }
  }
}

TYPED_TEST(Bitmask, ComesBackWhereItIsLongAndNotAligned) {
  const auto values = random_elements<TypeParam>(100'001, 5);
  expect_round_trip<TypeParam>(values.data() + 1, 100'000);
}

TYPED_TEST(Bitmask, CountsMoreElementsThanAWidthHolds) {
  const std::vector<std::byte> ones(200'000 * sizeof(TypeParam), std::byte(1));
  EXPECT_EQ(count_nonzeros(ones.data(), 200'000, sizeof(TypeParam)), 200'000);
}

} // namespace
} // namespace coppice::kernels::bitmask_test
