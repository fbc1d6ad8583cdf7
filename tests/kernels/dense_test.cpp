#include "kernels/dense.h"

#include <gtest/gtest.h>

#include "support/products.h"
#include "support/targets.h"

namespace coppice::kernels::dense_test {
namespace {

using testing::as_stored;
using testing::Expected;
using testing::kDtypes;
using testing::kOddShapes;
using testing::Problem;

class Dense : public testing::OnEveryTarget {};

/// Computes the product in `parts` parts.
std::vector<float> product(const Problem& p, Dtype dtype, size_t parts = 1) {
  const auto packed = pack_dense_rows(p.w.data(), p.rows, p.cols, {dtype});
  std::vector<float> y(p.batch * p.rows, NAN);
  for (size_t part = 0; part < parts; ++part) {
    dense_product(
        packed,
        p.x.data(),
        p.batch,
        p.bias.data(),
        even_range(p.rows, part, parts),
        y.data());
  }
  return y;
}

TEST_P(Dense, MultipliesEveryShapeAndBatch) {
  for (const auto& shape : kOddShapes) {
    for (size_t batch = 0; batch <= 19; ++batch) {
      for (const auto dtype : kDtypes) {
        const Problem p(shape.rows, shape.cols, batch);
        ASSERT_NO_FATAL_FAILURE(
            expect_close(product(p, dtype), Expected(as_stored(p, dtype))))
            << shape.rows << 'x' << shape.cols << " batch " << batch;
      }
    }
  }
}

TEST_P(Dense, GivesTheSameBitsForAnySplitOfTheRows) {
  for (const size_t batch : {1, 2, 3, 4, 5, 8, 11}) {
    const Problem p(67, 301, batch);
    for (const auto dtype : kDtypes) {
      const auto whole = product(p, dtype);
      for (const size_t parts : {2, 3, 7, 67, 100}) {
        EXPECT_TRUE(testing::same_bits(product(p, dtype, parts), whole))
            << batch << ' ' << parts;
      }
    }
  }
}

TEST_P(Dense, UnpacksWhatIsStored) {
  for (const auto dtype : kDtypes) {
    const auto w = testing::random_floats(35, testing::Floats::kTied, 3);
    std::vector<float> unpacked(w.size(), NAN);
    unpack(pack_dense_rows(w.data(), 5, 7, {dtype}), unpacked.data());
    EXPECT_TRUE(testing::same_bits(unpacked, as_stored(w, dtype)));
  }
}

COPPICE_TEST_ON_EVERY_TARGET(Dense);

} // namespace
} // namespace coppice::kernels::dense_test
