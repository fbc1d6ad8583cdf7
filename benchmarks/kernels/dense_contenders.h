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

/// What a product of oneDNN takes and gives.
struct OnednnArguments {
  dnnl::memory::desc in;
  dnnl::memory::desc weight; ///< In the layout that it likes best.
  dnnl::memory::desc out;
};

/// `product` on a weight that is packed once, from `plain`.
template <class Product>
Contender onednn_contender(
    const char* name,
    const Layer& layer,
    const dnnl::engine& engine,
    const typename Product::primitive_desc& how,
    const OnednnArguments& shapes,
    const dnnl::memory::desc& plain) {
  using dnnl::memory;
  dnnl::stream stream(engine);
  memory weight(how.weights_desc(), engine);
  memory source(plain, engine, const_cast<float*>(layer.w));
  dnnl::reorder(source, weight).execute(stream, source, weight);
  stream.wait();
  const std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, memory(shapes.in, engine, const_cast<float*>(layer.x))},
      {DNNL_ARG_WEIGHTS, weight},
      {DNNL_ARG_DST, memory(shapes.out, engine, layer.y)}};
  const Product product(how);
  return {name, [=]() mutable {
            product.execute(stream, arguments);
            stream.wait();
          }};
}

/// The shapes of x and y, and of a weight of `first` by `second` that oneDNN
/// lays out as it likes.
inline OnednnArguments
onednn_arguments(const Layer& layer, size_t first, size_t second) {
  using dnnl::memory;
  const auto f32 = memory::data_type::f32;
  const auto dims = [](size_t a, size_t b) {
    return memory::dims{
        static_cast<memory::dim>(a), static_cast<memory::dim>(b)};
  };
  const auto rows = memory::format_tag::ab;
  return {
      {dims(layer.batch, layer.cols), f32, rows},
      {dims(first, second), f32, memory::format_tag::any},
      {dims(layer.batch, layer.rows), f32, rows}};
}

inline Contender onednn_inner_product(const Layer& layer) {
  using Product = dnnl::inner_product_forward;
  const auto shapes = onednn_arguments(layer, layer.rows, layer.cols);
  const auto& [in, weight, out] = shapes;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const auto kind = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
  const Product::primitive_desc how(engine, kind, in, weight, out);
#else
  const Product::primitive_desc how({kind, in, weight, out}, engine);
#endif
  const dnnl::memory::desc plain(
      weight.dims(), weight.data_type(), dnnl::memory::format_tag::ab);
  return onednn_contender<Product>(
      "oneDNN inner product", layer, engine, how, shapes, plain);
}

inline Contender onednn_matmul(const Layer& layer) {
  using Product = dnnl::matmul;
  const auto shapes = onednn_arguments(layer, layer.cols, layer.rows);
  const auto& [in, weight, out] = shapes;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
#if DNNL_VERSION_MAJOR >= 3
  const Product::primitive_desc how(engine, in, weight, out);
#else
  const Product::primitive_desc how({in, weight, out}, engine);
#endif
  const dnnl::memory::desc plain(
      weight.dims(), weight.data_type(), dnnl::memory::format_tag::ba);
  return onednn_contender<Product>(
      "oneDNN matmul", layer, engine, how, shapes, plain);
}

#endif

/// The dense products that a sparse one must beat: LibTorch's BLAS and, where
/// its headers are installed (libdnnl-dev), oneDNN on a weight that it packed.
inline std::vector<Contender> dense_contenders(const Layer& layer) {
  std::vector<Contender> contenders{blas_product(layer)};
#if __has_include(<dnnl.hpp>)
  contenders.push_back(onednn_inner_product(layer));
  contenders.push_back(onednn_matmul(layer));
#endif
  return contenders;
}

/// Which they are, with ours, for the head of a table.
inline std::string dense_names() {
  std::string names = "LibTorch's BLAS, our own up to batch 8";
#if __has_include(<dnnl.hpp>)
  const auto* version = dnnl_version();
  names += ", oneDNN " + std::to_string(version->major) + "." +
      std::to_string(version->minor) + " with packed weights";
#else
  names += "; oneDNN left out, as script/bootstrap --with-peers was not run";
#endif
  return names;
}

} // namespace coppice::bench
