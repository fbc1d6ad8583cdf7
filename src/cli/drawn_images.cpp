#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "cli/image_set.h"

namespace coppice::cli {
namespace {

/// Uniform numbers that are the same everywhere: the standard fixes its engines
/// but not its distributions.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}

  double between(double low, double high) {
    constexpr double kSteps = 9007199254740992.0; // 2^53
    return low + (high - low) * (static_cast<double>(engine_() >> 11) / kSteps);
  }

 private:
  std::mt19937_64 engine_;
};

/// A shape of half width `size` around a centre, in pixels.
struct Shape {
  double x, y, size, stroke;
};

bool is_odd_stripe(double distance, double width) {
  return static_cast<int64_t>(std::floor(distance / width)) % 2 != 0;
}

/// Whether the shape of a class covers the point (x, y) from its centre.
bool covers(int64_t label, double x, double y, const Shape& shape) {
  const double across = std::max(std::abs(x), std::abs(y));
  const double radius = std::hypot(x, y);
  const double inner = shape.size - shape.stroke;
  const bool in_square = across <= shape.size;
  switch (label) {
    case 0: // disc
      return radius <= shape.size;
    case 1: // ring
      return radius <= shape.size && radius >= inner;
    case 2: // square
      return in_square;
    case 3: // frame
      return in_square && across >= inner;
    case 4: // triangle, point up
      return std::abs(y) <= shape.size && 2 * std::abs(x) <= y + shape.size;
    case 5: // plus
      return in_square &&
          std::min(std::abs(x), std::abs(y)) <= shape.stroke / 2;
    case 6: // cross
      return in_square &&
          std::abs(std::abs(x) - std::abs(y)) <= shape.stroke / 1.4;
    case 7: // stripes across
      return in_square && is_odd_stripe(y, shape.stroke);
    case 8: // stripes down
      return in_square && is_odd_stripe(x, shape.stroke);
    default: // chessboard
      return in_square &&
          is_odd_stripe(x, shape.stroke) != is_odd_stripe(y, shape.stroke);
  }
}

void draw(int64_t label, Dice& dice, uint8_t* pixels) {
  const Shape shape{
      dice.between(11, 17),
      dice.between(11, 17),
      dice.between(7, 11),
      dice.between(2, 3.5)};
  const double ink = dice.between(110, 200);
  for (int64_t row = 0; row < kImageSide; ++row) {
    for (int64_t column = 0; column < kImageSide; ++column) {
      const double x = static_cast<double>(column) - shape.x;
      const double y = static_cast<double>(row) - shape.y;
      const double paint = covers(label, x, y, shape) ? ink : 0;
      *pixels++ = static_cast<uint8_t>(paint + dice.between(0, 55));
    }
  }
}

ImageSet draw_set(Dice& dice, int64_t size) {
  ImageSet set{
      torch::empty(
          {size, 1, kImageSide, kImageSide}, torch::TensorOptions(at::kByte)),
      torch::empty({size}, torch::TensorOptions(at::kLong))};
  auto* pixels = set.images.data_ptr<uint8_t>();
  for (int64_t i = 0; i < size; ++i) {
    const int64_t label = i % kClasses;
    set.labels.data_ptr<int64_t>()[i] = label;
    draw(label, dice, pixels + i * kImageSide * kImageSide);
  }
  return set;
}

} // namespace

ImageData draw_images(uint64_t seed, int64_t train_size, int64_t test_size) {
  Dice dice(seed);
  ImageData data;
  data.source = "shapes that the demo draws itself";
  data.train = draw_set(dice, train_size);
  data.test = draw_set(dice, test_size);
  return data;
}

} // namespace coppice::cli
