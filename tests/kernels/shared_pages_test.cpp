#include "kernels/shared_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "kernels/buffer.h"

namespace coppice::kernels::shared_pages_test {
namespace {

/// An allocation filled with the byte `mark`.
struct Piece {
  unsigned char* memory;
  size_t bytes;
  unsigned char mark;
};

Piece piece_of(SharedPages& pages, size_t bytes, unsigned char mark) {
  auto* memory = static_cast<unsigned char*>(pages.allocate(bytes));
  std::memset(memory, mark, bytes);
  return {memory, bytes, mark};
}

void expect_untouched(const Piece& piece) {
  const std::vector<unsigned char> expected(piece.bytes, piece.mark);
  EXPECT_EQ(std::memcmp(piece.memory, expected.data(), piece.bytes), 0);
}

/// Allocates and frees in random order; overlapping allocations would overwrite
/// each other's marks.
void churn(SharedPages& pages, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Piece> pieces;
  for (size_t turn = 0; turn < 2000; ++turn) {
    if (pieces.empty() || random() % 20 < 11) {
      const size_t bytes = 1 + random() % (size_t(1) << (5 + random() % 16));
      const auto mark = static_cast<unsigned char>(seed * 101 + turn);
      pieces.push_back(piece_of(pages, bytes, mark));
      EXPECT_EQ(
          reinterpret_cast<uintptr_t>(pieces.back().memory) %
              SharedPages::kUnit,
          0u);
    } else {
      const size_t which = random() % pieces.size();
      expect_untouched(pieces[which]);
      pages.free(pieces[which].memory, pieces[which].bytes);
      pieces[which] = pieces.back();
      pieces.pop_back();
    }
  }
  for (const auto& piece : pieces) {
    expect_untouched(piece);
    pages.free(piece.memory, piece.bytes);
  }
}

TEST(SharedPagesTest, PiecesDoNotOverlapAndAllButOnePageGoesBack) {
  SharedPages pages;
  churn(pages, 1);
  EXPECT_EQ(pages.pages(), 1u);
}

TEST(SharedPagesTest, ThreadsShareThem) {
  SharedPages pages;
  std::thread other([&] { churn(pages, 2); });
  churn(pages, 3);
  other.join();
  EXPECT_EQ(pages.pages(), 1u);
}

TEST(SharedPagesTest, WhatWasFreedIsTakenAgain) {
  SharedPages pages;
  const size_t half = SharedPages::kPageBytes / 2;
  void* const first = pages.allocate(half);
  void* const second = pages.allocate(half);
  EXPECT_EQ(pages.pages(), 1u);
  void* const third = pages.allocate(1);
  EXPECT_EQ(pages.pages(), 2u);
  pages.free(first, half);
  // A piece that needs a new page, then two that fill the gap.
  EXPECT_EQ(pages.allocate(half), first);
  pages.free(first, half);
  EXPECT_EQ(pages.allocate(half / 2), first);
  EXPECT_EQ(
      pages.allocate(half / 2), static_cast<std::byte*>(first) + half / 2);
  EXPECT_EQ(pages.pages(), 2u);
  pages.free(third, 1);
  EXPECT_EQ(pages.pages(), 2u) << "an empty page is kept";
  pages.free(second, half);
  pages.free(first, half / 2);
  pages.free(static_cast<std::byte*>(first) + half / 2, half / 2);
  EXPECT_EQ(pages.pages(), 1u);
}

TEST(SharedPagesTest, ALongRunIsFoundAgainAfterItWasNot) {
  SharedPages pages;
  const size_t quarter = SharedPages::kPageBytes / 4;
  void* of_first[4];
  for (auto& memory : of_first) {
    memory = pages.allocate(quarter);
  }
  // Does not fit in the first page, which is remembered.
  void* const whole = pages.allocate(SharedPages::kPageBytes);
  EXPECT_EQ(pages.pages(), 2u);
  pages.free(of_first[1], quarter);
  pages.free(of_first[2], quarter);
  EXPECT_EQ(pages.allocate(2 * quarter), of_first[1]);
  EXPECT_EQ(pages.pages(), 2u);
  pages.free(whole, SharedPages::kPageBytes);
}

TEST(SharedPagesTest, BuffersOfEverySizeBeginACacheLine) {
  for (const size_t count :
       {0, 1, 1023, 1024, 1025, 262143, 262144, 262145, 3000000}) {
    Buffer<float> buffer(count, 1.5f);
    const Buffer<float> copy = buffer;
    buffer.clear();
    buffer.shrink_to_fit();
    EXPECT_EQ(copy, Buffer<float>(count, 1.5f));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(copy.data()) % 64, 0u);
  }
}

} // namespace
} // namespace coppice::kernels::shared_pages_test
