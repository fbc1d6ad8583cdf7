#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#if __has_include(<dnnl.hpp>)
#include <dnnl.hpp>
#include <unordered_map>
#endif

// The BLAS that LibTorch is linked with has no header of its own in Debian.
extern "C" {
void sgemm_(
    const char* transpose_a,
    const char* transpose_b,
    const int* m,
    const int* n,
    const int* k,
    const float* alpha,
    const float* a,
    const int* lda,
    const float* b,
    const int* ldb,
    const float* beta,
    float* c,
    const int* ldc);
void sgemv_(
    const char* transpose,
    const int* m,
    const int* n,
    const float* alpha,
    const float* a,
    const int* lda,
    const float* x,
    const int* incx,
    const float* beta,
    float* y,
    const int* incy);
}

namespace coppice::bench {

/// Something that computes y = x W^T, and under which name.
struct Contender {
  std::string name;
  std::function<void()> run;
};

/// A dense layer: w [rows, cols], x [batch, cols], y [batch, rows], row-major.
struct Layer {
  const float* w;
  size_t rows;
  size_t cols;
  const float* x;
  size_t batch;
  float* y;
};

inline Contender blas_product(const Layer& layer) {
  const int m = static_cast<int>(layer.rows);
  const int n = static_cast<int>(layer.batch);
  const int k = static_cast<int>(layer.cols);
  // BLAS counts columns first: it sees W^T, x^T and y^T.
  return {"BLAS", [=] {
            const float one = 1;
            const float zero = 0;
            const int step = 1;
            if (n == 1) {
              sgemv_(
                  "T",
                  &k,
                  &m,
                  &one,
                  layer.w,
                  &k,
                  layer.x,
                  &step,
                  &zero,
                  layer.y,
                  &step);
            } else {
              sgemm_(
                  "T",
                  "N",
                  &m,
                  &n,
                  &k,
                  &one,
                  layer.w,
                  &k,
                  layer.x,
                  &k,
                  &zero,
                  layer.y,
                  &m);
            }
          }};
}

#if __has_include(<dnnl.hpp>)

/// An inner product of oneDNN on a weight in the layout that it likes best.
inline Contender onednn_product(const Layer& layer) {
  using dnnl::memory;
  const auto f32 = memory::data_type::f32;
  const auto ab = memory::format_tag::ab;
  const auto rows = static_cast<memory::dim>(layer.rows);
  const auto cols = static_cast<memory::dim>(layer.cols);
  const auto batch = static_cast<memory::dim>(layer.batch);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const memory::desc in({batch, cols}, f32, ab);
  const memory::desc out({batch, rows}, f32, ab);
  const memory::desc plain({rows, cols}, f32, ab);
  const memory::desc any({rows, cols}, f32, memory::format_tag::any);
  const auto kind = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::inner_product_forward::primitive_desc how(
      engine, kind, in, any, out);
#else
  const dnnl::inner_product_forward::primitive_desc how(
      {kind, in, any, out}, engine);
#endif
  memory weight(how.weights_desc(), engine);
  memory source(plain, engine, const_cast<float*>(layer.w));
  dnnl::reorder(source, weight).execute(stream, source, weight);
  const std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, memory(in, engine, const_cast<float*>(layer.x))},
      {DNNL_ARG_WEIGHTS, weight},
      {DNNL_ARG_DST, memory(out, engine, layer.y)}};
  const dnnl::inner_product_forward product(how);
  return {"oneDNN packed", [=]() mutable {
            product.execute(stream, arguments);
            stream.wait();
          }};
}

#endif

/// The dense products that a sparse one must beat: LibTorch's BLAS and, where
/// its headers are installed (libdnnl-dev), oneDNN on a weight that it packed.
inline std::vector<Contender> dense_contenders(const Layer& layer) {
  std::vector<Contender> contenders{blas_product(layer)};
#if __has_include(<dnnl.hpp>)
  contenders.push_back(onednn_product(layer));
#endif
  return contenders;
}

} // namespace coppice::bench
