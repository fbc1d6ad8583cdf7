#include "cli/mask_pictures.h"

#include <coppice/masks/measure.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace coppice::cli {
namespace {

/// The most cells of a whole picture, per side: at least two pixels each.
constexpr int64_t kMostCells = 120;
/// Weights of a detail, per side: a multiple of every block's side.
constexpr int64_t kDetail = 48;

Picture picture_of(const torch::Tensor& map) {
  const auto shares = map.contiguous();
  const auto* const data = shares.data_ptr<float>();
  return {map.size(0), map.size(1), {data, data + map.numel()}};
}

/// The first of the middle `count` rows or columns, at a block boundary.
int64_t middle(int64_t size, int64_t count) {
  constexpr int64_t kBlock = 16;
  return std::max<int64_t>(0, (size - count) / 2 / kBlock * kBlock);
}

std::string cells(int64_t size, int64_t shown) {
  return fmt::format("{}", (size + shown - 1) / shown);
}

HtmlPicture whole(const torch::Tensor& matrix) {
  const auto map = density_map(matrix, kMostCells, kMostCells);
  HtmlPicture picture;
  picture.picture = picture_of(map);
  picture.caption = "Every weight";
  picture.aspect = static_cast<double>(matrix.size(1)) / matrix.size(0);
  const auto rows = cells(matrix.size(0), map.size(0));
  const auto cols = cells(matrix.size(1), map.size(1));
  if (rows != "1" || cols != "1") {
    picture.caption = fmt::format(
        "All of it, {}x{} weights per cell; at most {:.0f}% of a cell are not "
        "zero",
        rows,
        cols,
        100 * picture.picture.most());
  }
  return picture;
}

HtmlPicture detail(const torch::Tensor& matrix) {
  const int64_t rows = std::min(kDetail, matrix.size(0));
  const int64_t cols = std::min(kDetail, matrix.size(1));
  const int64_t top = middle(matrix.size(0), rows);
  const int64_t left = middle(matrix.size(1), cols);
  const auto part = matrix.narrow(0, top, rows).narrow(1, left, cols);
  return {
      picture_of(density_map(part, rows, cols)),
      static_cast<double>(cols) / static_cast<double>(rows),
      3 * kDetail,
      fmt::format(
          "{}x{} single weights, from row {} and column {}",
          rows,
          cols,
          top,
          left)};
}

} // namespace

HtmlFrame mask_pictures(const CompiledLayer& layer) {
  HtmlFrame frame{
      layer.layer,
      fmt::format(
          "{}, {}",
          fmt::join(layer.shape, "x"),
          layer.sparsity == 0
              ? std::string("no zeros")
              : fmt::format(
                    "{} zeros, {}",
                    to_text(layer.sparsity, CellFormat::kPercent),
                    layer.pattern)),
      {}};
  if (!layer.weight.defined() || layer.weight.numel() == 0) {
    return frame;
  }
  const auto matrix = layer.weight.reshape({layer.weight.size(0), -1});
  frame.pictures.push_back(whole(matrix));
  if (layer.sparsity == 0) { // One color throughout: small is enough.
    frame.pictures.back().longest = 72;
    frame.pictures.back().caption = "No weight is zero";
  }
  const bool is_small =
      matrix.size(0) <= kMostCells && matrix.size(1) <= kMostCells;
  if (!is_small && layer.sparsity > 0) {
    frame.pictures.push_back(detail(matrix));
  }
  return frame;
}

} // namespace coppice::cli
