#include "coppice/masks/measure.h"

#include <c10/util/Exception.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "masks/cpu.h"

namespace coppice {
namespace {

/// True where `tensor` is not zero, as [block_rows, rows, block_cols, cols],
/// padded with `padding`.
torch::Tensor nonzero_tiles(
    const torch::Tensor& tensor,
    const masks::Grid& grid,
    bool padding) {
  const auto nonzero =
      tensor.detach().ne(0).reshape({grid.h, grid.w}).to(torch::kByte);
  const int64_t bottom = grid.block_rows() * grid.rows - grid.h;
  const int64_t right = grid.block_cols() * grid.cols - grid.w;
  const auto whole = grid.divides()
      ? nonzero
      : at::constant_pad_nd(nonzero, {0, right, 0, bottom}, padding ? 1 : 0);
  return whole.reshape(
      {grid.block_rows(), grid.rows, grid.block_cols(), grid.cols});
}

/// The number of `size` elements in each cell of length `side`, along one
/// dimension.
torch::Tensor cell_sides(int64_t size, int64_t side) {
  auto sides = torch::full({(size + side - 1) / side}, side, torch::kFloat);
  sides[-1] = size - (sides.size(0) - 1) * side;
  return sides;
}

bool aligned_to(const torch::Tensor& tensor, BlockShape block) {
  return block.rows <= tensor.size(0) &&
      block.cols <= tensor.numel() / tensor.size(0) &&
      block_occupancy(tensor, block).aligned;
}

bool conforms(const torch::Tensor& tensor, Nm pattern, double zeros) {
  const double promised = 1 - static_cast<double>(pattern.n) / pattern.m;
  return zeros >= promised && nm_conformity(tensor, pattern) == 1;
}

} // namespace

int64_t count_zeros(const torch::Tensor& tensor) {
  if (masks::has_fast_path(tensor)) {
    return masks::cpu::count_zeros(tensor.detach().contiguous());
  }
  return tensor.numel() - tensor.detach().count_nonzero().item<int64_t>();
}

double sparsity(const torch::Tensor& tensor) {
  return tensor.numel() == 0
      ? 0.0
      : static_cast<double>(count_zeros(tensor)) / tensor.numel();
}

double nm_conformity(const torch::Tensor& tensor, Nm pattern) {
  TORCH_CHECK_VALUE(
      0 < pattern.n && pattern.n <= pattern.m,
      "nm_conformity: expected 0 < n <= m, got n=",
      pattern.n,
      ", m=",
      pattern.m);
  masks::check_matrix("nm_conformity", tensor);
  const auto grid = masks::grid_of(tensor, {1, pattern.m});
  const auto groups = nonzero_tiles(tensor, grid, /*padding=*/false);
  const auto fits = groups.sum(3).le(pattern.n);
  return fits.sum().item<double>() / grid.blocks();
}

BlockOccupancy block_occupancy(const torch::Tensor& tensor, BlockShape block) {
  masks::check_block("block_occupancy", block);
  masks::check_matrix("block_occupancy", tensor);
  const auto grid = masks::grid_of(tensor, block);
  const auto kept = nonzero_tiles(tensor, grid, false).amax({1, 3});
  const auto full = nonzero_tiles(tensor, grid, true).amin({1, 3});
  BlockOccupancy occupancy;
  occupancy.blocks = grid.blocks();
  occupancy.kept = kept.sum().item<int64_t>();
  occupancy.aligned = kept.equal(full);
  return occupancy;
}

std::optional<BlockShape> detect_block(const torch::Tensor& tensor) {
  masks::check_matrix("detect_block", tensor);
  if (count_zeros(tensor) == 0) {
    return std::nullopt;
  }
  for (const BlockShape block :
       {BlockShape{16, 1},
        BlockShape{1, 16},
        BlockShape{4, 4},
        BlockShape{8, 1},
        BlockShape{4, 1},
        BlockShape{1, 4}}) {
    if (aligned_to(tensor, block)) {
      return block;
    }
  }
  return std::nullopt;
}

std::optional<Nm> detect_nm(const torch::Tensor& tensor) {
  masks::check_matrix("detect_nm", tensor);
  const double zeros = sparsity(tensor);
  for (const Nm nm : {Nm{1, 4}, Nm{2, 4}, Nm{4, 8}}) {
    if (conforms(tensor, nm, zeros)) {
      return nm;
    }
  }
  return std::nullopt;
}

Pattern detect_pattern(const torch::Tensor& tensor) {
  if (const auto block = detect_block(tensor)) {
    return *block;
  }
  if (const auto nm = detect_nm(tensor)) {
    return *nm;
  }
  return Unstructured{};
}

torch::Tensor
density_map(const torch::Tensor& tensor, int64_t most_rows, int64_t most_cols) {
  TORCH_CHECK_VALUE(
      most_rows > 0 && most_cols > 0,
      "density_map: expected limits of 1 or more, got ",
      most_rows,
      "x",
      most_cols);
  masks::check_matrix("density_map", tensor);
  const int64_t h = tensor.size(0);
  const int64_t w = tensor.numel() / h;
  const auto grid = masks::grid_of(
      tensor,
      {(h + most_rows - 1) / most_rows, (w + most_cols - 1) / most_cols});
  const auto counts = nonzero_tiles(tensor, grid, /*padding=*/false)
                          .sum({1, 3})
                          .to(torch::kCPU, torch::kFloat);
  const auto areas = torch::outer(
      cell_sides(grid.h, grid.rows), cell_sides(grid.w, grid.cols));
  return counts.div(areas);
}

} // namespace coppice
