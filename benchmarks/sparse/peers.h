#pragma once

// Sparse products of other libraries: each is compiled where its headers are
// installed, which script/bootstrap --with-peers does. All take x and give y
// row-major, as ours do, and what they rearrange for that is in their time.

#include <c10/util/Exception.h>
#include <torch/types.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/buffer.h"
#include "kernels/dense_contenders.h"
#include "kernels/transpose.h"

#if __has_include(<eigen3/Eigen/SparseCore>)
#define COPPICE_BENCH_EIGEN 1
#include <eigen3/Eigen/SparseCore>
#endif
#ifdef COPPICE_BENCH_XNNPACK
#include <xnnpack.h>
#endif
#ifdef COPPICE_BENCH_XSMM
#include <libxsmm.h>
#endif

namespace coppice::bench {

/// x^T and y^T, for libraries that have the batch along rows.
struct Turned {
  kernels::Buffer<float> x; ///< [cols, batch]
  kernels::Buffer<float> y; ///< [rows, batch]

  explicit Turned(const Layer& layer)
      : x(layer.cols * layer.batch), y(layer.rows * layer.batch) {}

  void take(const Layer& layer) {
    kernels::transpose(
        layer.x, layer.batch, layer.cols, layer.cols, x.data(), layer.batch);
  }
  void give(const Layer& layer) const {
    kernels::transpose(
        y.data(), layer.rows, layer.batch, layer.batch, layer.y, layer.rows);
  }
};

#ifdef COPPICE_BENCH_EIGEN

inline Contender eigen_product(const Layer& layer) {
  using Sparse = Eigen::SparseMatrix<float, Eigen::RowMajor, int>;
  using Dense =
      Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto rows = static_cast<Eigen::Index>(layer.rows);
  const auto cols = static_cast<Eigen::Index>(layer.cols);
  const auto batch = static_cast<Eigen::Index>(layer.batch);
  auto w = std::make_shared<Sparse>(
      Eigen::Map<const Dense>(layer.w, rows, cols).sparseView());
  if (batch == 1) {
    return {"Eigen", [=] {
              Eigen::Map<Eigen::VectorXf>(layer.y, rows).noalias() =
                  *w * Eigen::Map<const Eigen::VectorXf>(layer.x, cols);
            }};
  }
  auto turned = std::make_shared<Turned>(layer);
  return {"Eigen", [=] {
            turned->take(layer);
            Eigen::Map<Dense>(turned->y.data(), rows, batch).noalias() =
                *w * Eigen::Map<const Dense>(turned->x.data(), cols, batch);
            turned->give(layer);
          }};
}

#endif
#ifdef COPPICE_BENCH_XNNPACK

/// A 1x1 convolution over channels first, which is how XNNPACK multiplies
/// sparse weights: an image of one row, a pixel for each input of the batch.
inline Contender xnnpack_product(const Layer& layer) {
  TORCH_CHECK(xnn_initialize(nullptr) == xnn_status_success);
  xnn_operator_t made = nullptr;
  TORCH_CHECK(
      xnn_create_convolution2d_nchw_f32(
          0,
          0,
          0,
          0,
          1,
          1,
          1,
          1,
          1,
          1,
          1,
          layer.cols,
          layer.rows,
          layer.cols,
          layer.rows,
          layer.w,
          nullptr,
          -INFINITY,
          INFINITY,
          0,
          &made) == xnn_status_success);
  const std::shared_ptr<xnn_operator> product(made, xnn_delete_operator);
  auto turned = std::make_shared<Turned>(layer);
  TORCH_CHECK(
      xnn_setup_convolution2d_nchw_f32(
          made,
          1,
          1,
          layer.batch,
          turned->x.data(),
          turned->y.data(),
          nullptr) == xnn_status_success);
  return {"XNNPACK", [=] {
            turned->take(layer);
            xnn_run_operator(product.get(), nullptr);
            turned->give(layer);
          }};
}

#endif
#ifdef COPPICE_BENCH_XSMM

/// libxsmm's product of a sparse and a dense matrix, of its 128 x 128 slices.
inline Contender xsmm_product(const Layer& layer) {
  struct Packed {
    libxsmm_spmdm_handle handle{};
    libxsmm_CSR_sparseslice* slices = nullptr;
    ~Packed() {
      libxsmm_spmdm_destroy(&handle);
    }
  };
  auto packed = std::make_shared<Packed>();
  libxsmm_spmdm_init(
      static_cast<int>(layer.rows),
      static_cast<int>(layer.batch),
      static_cast<int>(layer.cols),
      1,
      &packed->handle,
      &packed->slices);
  auto* handle = &packed->handle;
  const int parts = libxsmm_spmdm_get_num_createSparseSlice_blocks(handle);
  for (int part = 0; part < parts; ++part) {
    libxsmm_spmdm_createSparseSlice_fp32_thread(
        handle, 'N', layer.w, packed->slices, part, 0, 1);
  }
  auto turned = std::make_shared<Turned>(layer);
  return {"libxsmm", [=] {
            const float one = 1;
            const float zero = 0;
            turned->take(layer);
            const int blocks = libxsmm_spmdm_get_num_compute_blocks(handle);
            for (int block = 0; block < blocks; ++block) {
              libxsmm_spmdm_compute_fp32_thread(
                  handle,
                  'N',
                  'N',
                  &one,
                  packed->slices,
                  turned->x.data(),
                  'N',
                  &zero,
                  turned->y.data(),
                  block,
                  0,
                  1);
            }
            turned->give(layer);
            (void)packed;
          }};
}

#endif

/// LibTorch's own, of a weight that it keeps sparse.
inline Contender
torch_product(const char* name, const Layer& layer, const at::Tensor& w) {
  const auto view = [](const float* data, size_t rows, size_t cols) {
    return torch::from_blob(
        const_cast<float*>(data),
        {static_cast<int64_t>(rows), static_cast<int64_t>(cols)});
  };
  const auto x = view(layer.x, layer.batch, layer.cols);
  const auto y = view(layer.y, layer.batch, layer.rows);
  return {name, [=] {
            const c10::InferenceMode guard;
            y.copy_(at::mm(w, x.t()).t());
          }};
}

/// All that are here; the names of those that refuse this layer go to
/// `refused`.
inline std::vector<Contender> peers(
    const Layer& layer,
    std::vector<std::string>& refused) {
  std::vector<Contender> contenders;
#ifdef COPPICE_BENCH_EIGEN
  contenders.push_back(eigen_product(layer));
#endif
#ifdef COPPICE_BENCH_XNNPACK
  contenders.push_back(xnnpack_product(layer));
#endif
#ifdef COPPICE_BENCH_XSMM
  contenders.push_back(xsmm_product(layer));
#endif
  const auto w = torch::from_blob(
      const_cast<float*>(layer.w),
      {static_cast<int64_t>(layer.rows), static_cast<int64_t>(layer.cols)});
  for (const bool coordinates : {true, false}) {
    const auto* name = coordinates ? "torch COO" : "torch CSR";
    auto contender = torch_product(
        name,
        layer,
        coordinates ? w.to_sparse().coalesce() : w.to_sparse_csr());
    try {
      contender.run();
      contenders.push_back(std::move(contender));
    } catch (const c10::Error&) {
      refused.push_back(name);
    }
  }
  return contenders;
}

} // namespace coppice::bench
