#include "coppice/sparse/operators.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/Exception.h>
#include <torch/library.h>

#include <sstream>

#include "core/registered.h"
#include "sparse/conv2d.h"
#include "sparse/gradients.h"
#include "sparse/linear.h"

namespace coppice {
namespace {

using sparse::OptionalTensor;
using torch::Tensor;

/// Looks up the operator `name`.
template <class Signature>
c10::TypedOperatorHandle<Signature> find(const char* name) {
  return c10::Dispatcher::singleton()
      .findSchemaOrThrow(name, "")
      .typed<Signature>();
}

using Linear =
    Tensor(const Tensor&, const PackedWeightPtr&, const OptionalTensor&);
using Conv2d = Tensor(
    const Tensor&,
    const PackedWeightPtr&,
    const OptionalTensor&,
    c10::IntArrayRef,
    c10::IntArrayRef,
    c10::IntArrayRef);

template <bool relu>
Tensor call_linear(
    const Tensor& x,
    const PackedWeightPtr& w,
    const OptionalTensor& bias) {
  static const auto operation =
      find<Linear>(relu ? "coppice::linear_relu" : "coppice::linear");
  return operation.call(x, w, bias);
}

template <bool relu>
Tensor call_conv2d(
    const Tensor& x,
    const PackedWeightPtr& w,
    const OptionalTensor& bias,
    c10::IntArrayRef stride,
    c10::IntArrayRef padding,
    c10::IntArrayRef dilation) {
  static const auto operation =
      find<Conv2d>(relu ? "coppice::conv2d_relu" : "coppice::conv2d");
  return operation.call(x, w, bias, stride, padding, dilation);
}

// Each operator on the CPU, on meta tensors (shapes only) and with autograd.
// `relu` selects one of the two forms.

template <bool relu>
Tensor linear_on_cpu(
    const Tensor& x,
    const PackedWeightPtr& w,
    const OptionalTensor& bias) {
  return sparse::linear_cpu("linear", x, *w, bias, relu);
}

Tensor linear_on_meta(
    const Tensor& x,
    const PackedWeightPtr& w,
    const OptionalTensor& bias) {
  return at::empty(sparse::linear_shape("linear", x, *w, bias), x.options());
}

template <bool relu>
Tensor linear_on_autograd(
    const Tensor& x,
    const PackedWeightPtr& w,
    const OptionalTensor& bias) {
  if (sparse::needs_gradient(x, bias)) {
    return sparse::linear_with_gradient(x, w, bias, relu);
  }
  const at::AutoDispatchBelowADInplaceOrView guard;
  return call_linear<relu>(x, w, bias);
}

template <bool relu>
Tensor conv2d_on_cpu(
    const Tensor& x,
    const PackedWeightPtr& w,
    const OptionalTensor& bias,
    c10::IntArrayRef stride,
    c10::IntArrayRef padding,
    c10::IntArrayRef dilation) {
  const auto steps = sparse::conv_steps("conv2d", stride, padding, dilation);
  return sparse::conv2d_cpu("conv2d", x, *w, bias, steps, relu);
}

Tensor conv2d_on_meta(
    const Tensor& x,
    const PackedWeightPtr& w,
    const OptionalTensor& bias,
    c10::IntArrayRef stride,
    c10::IntArrayRef padding,
    c10::IntArrayRef dilation) {
  const auto steps = sparse::conv_steps("conv2d", stride, padding, dilation);
  return sparse::conv2d_result("conv2d", x, *w, bias, steps);
}

template <bool relu>
Tensor conv2d_on_autograd(
    const Tensor& x,
    const PackedWeightPtr& w,
    const OptionalTensor& bias,
    c10::IntArrayRef stride,
    c10::IntArrayRef padding,
    c10::IntArrayRef dilation) {
  if (sparse::needs_gradient(x, bias)) {
    const auto steps = sparse::conv_steps("conv2d", stride, padding, dilation);
    return sparse::conv2d_with_gradient(x, w, bias, steps, relu);
  }
  const at::AutoDispatchBelowADInplaceOrView guard;
  return call_conv2d<relu>(x, w, bias, stride, padding, dilation);
}

std::string printed(const PackedWeightPtr& w) {
  std::ostringstream text;
  text << *w;
  return text.str();
}

PackedWeightPtr pack_by_name(
    const Tensor& weight,
    const std::string& format,
    int64_t batch,
    at::ScalarType dtype) {
  return PackedWeight::pack(
      weight,
      PackedWeightOptions(parse_packed_format(format))
          .batch(batch)
          .dtype(dtype));
}

void register_class(torch::Library& library) {
  library.class_<PackedWeight>("PackedWeight")
      .def_static("pack", &pack_by_name)
      .def("to_dense", &PackedWeight::to_dense)
      .def(
          "format",
          [](const PackedWeightPtr& w) { return to_string(w->format()); })
      .def(
          "dtype",
          [](const PackedWeightPtr& w) -> std::string {
            return w->dtype() == torch::kBFloat16 ? "bfloat16" : "float32";
          })
      .def("shape", [](const PackedWeightPtr& w) { return w->shape(); })
      .def("batch", &PackedWeight::batch)
      .def("nbytes", &PackedWeight::nbytes)
      .def("copy", &PackedWeight::copy)
      .def("__repr__", &printed)
      .def("__str__", &printed)
      .def_pickle(
          [](const PackedWeightPtr& w) { return w->state(); },
          [](const PackedWeight::State& state) {
            return PackedWeight::from_state(state);
          });
}

// Evaluated before this file registers anything.
const bool is_second_copy = core::is_registered("coppice::linear");

// One fragment: registering a schema looks up its classes.
TORCH_LIBRARY_FRAGMENT(coppice, library) {
  if (is_second_copy) {
    return;
  }
  register_class(library);
  const std::string operands =
      "(Tensor x, __torch__.torch.classes.coppice.PackedWeight w, "
      "Tensor? bias=None";
  const std::string steps =
      ", int[2] stride=1, int[2] padding=0, int[2] dilation=1";
  const auto define = [&](const std::string& name, const std::string& more) {
    library.def((name + operands + more + ") -> Tensor").c_str());
  };
  define("linear", "");
  define("linear_relu", "");
  define("conv2d", steps);
  define("conv2d_relu", steps);
}

TORCH_LIBRARY_IMPL(coppice, CPU, library) {
  if (is_second_copy) {
    return;
  }
  library.impl("linear", &linear_on_cpu<false>);
  library.impl("linear_relu", &linear_on_cpu<true>);
  library.impl("conv2d", &conv2d_on_cpu<false>);
  library.impl("conv2d_relu", &conv2d_on_cpu<true>);
}

TORCH_LIBRARY_IMPL(coppice, Meta, library) {
  if (is_second_copy) {
    return;
  }
  library.impl("linear", &linear_on_meta);
  library.impl("linear_relu", &linear_on_meta);
  library.impl("conv2d", &conv2d_on_meta);
  library.impl("conv2d_relu", &conv2d_on_meta);
}

TORCH_LIBRARY_IMPL(coppice, Autograd, library) {
  if (is_second_copy) {
    return;
  }
  library.impl("linear", &linear_on_autograd<false>);
  library.impl("linear_relu", &linear_on_autograd<true>);
  library.impl("conv2d", &conv2d_on_autograd<false>);
  library.impl("conv2d_relu", &conv2d_on_autograd<true>);
}

} // namespace

Tensor
linear(const Tensor& x, const PackedWeightPtr& w, const OptionalTensor& bias) {
  return call_linear<false>(x, w, bias);
}

Tensor linear_relu(
    const Tensor& x,
    const PackedWeightPtr& w,
    const OptionalTensor& bias) {
  return call_linear<true>(x, w, bias);
}

Tensor conv2d(
    const Tensor& x,
    const PackedWeightPtr& w,
    const OptionalTensor& bias,
    c10::IntArrayRef stride,
    c10::IntArrayRef padding,
    c10::IntArrayRef dilation) {
  return call_conv2d<false>(x, w, bias, stride, padding, dilation);
}

Tensor conv2d_relu(
    const Tensor& x,
    const PackedWeightPtr& w,
    const OptionalTensor& bias,
    c10::IntArrayRef stride,
    c10::IntArrayRef padding,
    c10::IntArrayRef dilation) {
  return call_conv2d<true>(x, w, bias, stride, padding, dilation);
}

} // namespace coppice
