#include "coppice/model/torch_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace coppice::torch_tensors_test {
namespace {

/// Six floats, 0 to 5, `shift` bytes behind an aligned place.
StoredTensor floats_at(size_t shift, std::vector<std::byte>& bytes) {
  const auto values = torch::arange(6, torch::kFloat);
  bytes.resize(64);
  auto* data = bytes.data() + shift;
  std::memcpy(data, values.data_ptr(), 6 * sizeof(float));
  StoredTensor stored;
  stored.name = "w";
  stored.data = data;
  return stored;
}

TEST(AsTensor, TakesElementsThatAreNotAligned) {
  for (const size_t shift : {0, 1, 3}) {
    std::vector<std::byte> bytes;
    auto stored = floats_at(shift, bytes);
    stored.shape = {2, 3};
    stored.strides = {3, 1};
    EXPECT_TRUE(
        as_tensor(stored).equal(torch::arange(6, torch::kFloat).view({2, 3})));
    // The same, column by column, as a transposed weight lies.
    stored.strides = {1, 2};
    EXPECT_TRUE(as_tensor(stored).equal(
        torch::arange(6, torch::kFloat).view({3, 2}).t()));
    stored.shape = {0, 3};
    EXPECT_EQ(as_tensor(stored).numel(), 0);
  }
}

} // namespace
} // namespace coppice::torch_tensors_test
