#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "kernels/bitmask_rows.h"
#include "kernels/compressed_rows.h"
#include "kernels/dense.h"
#include "kernels/dense_contenders.h"
#include "kernels/input_blocks.h"
#include "kernels/output_blocks.h"
#include "kernels/pattern_panels.h"
#include "kernels/problem.h"
#include "kernels/sorted_rows.h"
#include "kernels/transpose.h"

namespace coppice::bench {

using kernels::Packing;

/// Our own dense product, which counts as dense.
inline Contender own_dense(const Layer& layer, const Packing& packing = {}) {
  auto packed = std::make_shared<kernels::DenseRows>(
      kernels::pack_dense_rows(layer.w, layer.rows, layer.cols, packing));
  return {
      "own dense", [=] {
        kernels::dense_product(
            *packed, layer.x, layer.batch, nullptr, {0, layer.rows}, layer.y);
      }};
}

/// All dense products, ours among them where it is made for the batch.
inline std::vector<Contender> all_dense(const Layer& layer) {
  auto contenders = dense_contenders(layer);
  if (layer.batch <= 8) {
    contenders.push_back(own_dense(layer));
  }
  return contenders;
}

inline Contender pattern_panels(const Layer& layer, size_t chunk) {
  auto packed = std::make_shared<kernels::PatternPanels>(
      kernels::pack_pattern_panels(layer.w, layer.rows, layer.cols, chunk));
  auto x = std::make_shared<Buffer>(
      kernels::transposed_size(layer.batch, layer.cols));
  auto scratch = std::make_shared<Buffer>(kernels::pattern_scratch_size());
  return {"panels " + std::to_string(chunk), [=] {
            kernels::transpose_batch(
                layer.x, layer.batch, layer.cols, {0, layer.cols}, x->data());
            kernels::pattern_product(
                *packed,
                x->data(),
                layer.batch,
                nullptr,
                {0, packed->panels},
                scratch->data(),
                layer.y);
          }};
}

inline Contender sorted_rows(const Layer& layer, size_t chunk) {
  auto packed = std::make_shared<kernels::SortedRows>(
      kernels::pack_sorted_rows(layer.w, layer.rows, layer.cols, chunk));
  auto x = std::make_shared<Buffer>(
      kernels::transposed_size(layer.batch, layer.cols));
  auto scratch = std::make_shared<Buffer>(kernels::sorted_scratch_size());
  return {"sorted rows " + std::to_string(chunk), [=] {
            kernels::transpose_batch(
                layer.x, layer.batch, layer.cols, {0, layer.cols}, x->data());
            kernels::sorted_rows_product(
                *packed,
                x->data(),
                layer.batch,
                nullptr,
                {0, packed->blocks},
                scratch->data(),
                layer.y);
          }};
}

inline Contender
output_blocks(const Layer& layer, size_t height, const Packing& packing) {
  auto packed =
      std::make_shared<kernels::OutputBlocks>(kernels::pack_output_blocks(
          layer.w, layer.rows, layer.cols, height, packing));
  auto x = std::make_shared<Buffer>(
      kernels::transposed_size(layer.batch, layer.cols));
  return {"output blocks", [=] {
            if (layer.batch > 1) {
              kernels::transpose_batch(
                  layer.x, layer.batch, layer.cols, {0, layer.cols}, x->data());
            }
            kernels::output_blocks_product(
                *packed,
                layer.batch > 1 ? x->data() : layer.x,
                layer.batch,
                nullptr,
                {0, packed->panels},
                layer.y);
          }};
}

/// A format whose product takes a single input and rows.
template <class Packed, class Product>
Contender single_input(
    std::string name,
    const Layer& layer,
    Packed weight,
    Product product) {
  auto packed = std::make_shared<Packed>(std::move(weight));
  return {std::move(name), [=] {
            product(*packed, layer.x, nullptr, {0, layer.rows}, layer.y);
          }};
}

/// The sparse products that fit a weight of that pattern and density.
inline std::vector<Contender> sparse_contenders(
    const Layer& layer,
    const std::string& pattern,
    double density,
    const Packing& packing = {}) {
  // Larger blocks consist of the largest that there are.
  const size_t height = std::min<size_t>(block_of(pattern).height, 16);
  const size_t width = std::min<size_t>(block_of(pattern).width, 16);
  std::vector<Contender> contenders;
  if (layer.batch > 1) {
    contenders.push_back(
        pattern_panels(layer, kernels::pattern_chunk(density, layer.batch)));
    contenders.push_back(
        sorted_rows(layer, kernels::sorted_chunk(density, layer.batch)));
  } else {
    contenders.push_back(single_input(
        "bitmask",
        layer,
        kernels::pack_bitmask_rows(layer.w, layer.rows, layer.cols, packing),
        kernels::bitmask_rows_product));
    contenders.push_back(single_input(
        "rows",
        layer,
        kernels::pack_compressed_rows(layer.w, layer.rows, layer.cols, packing),
        kernels::compressed_rows_product));
    if (width >= 4) {
      contenders.push_back(single_input(
          "input blocks",
          layer,
          kernels::pack_input_blocks(
              layer.w, layer.rows, layer.cols, width, packing),
          kernels::input_blocks_product));
    }
  }
  if (height >= 4) {
    contenders.push_back(output_blocks(layer, height, packing));
  }
  return contenders;
}

} // namespace coppice::bench
