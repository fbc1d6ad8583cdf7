#include "sparse/gradients.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/grad_mode.h>

#include "coppice/sparse/operators.h"

namespace coppice::sparse {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Saves what both backward functions need.
void save_for_backward(
    AutogradContext* context,
    const torch::Tensor& x,
    const c10::intrusive_ptr<PackedWeight>& w,
    const OptionalTensor& bias,
    bool relu,
    const torch::Tensor& y) {
  context->saved_data["w"] = w;
  context->saved_data["x"] = x.requires_grad();
  context->saved_data["bias"] =
      bias && bias->defined() && bias->requires_grad();
  context->saved_data["relu"] = relu;
  context->save_for_backward({relu ? y : torch::Tensor()});
}

/// The gradient with respect to the input of the relu.
torch::Tensor before_relu(AutogradContext* context, const torch::Tensor& grad) {
  return context->saved_data["relu"].toBool()
      ? grad * context->get_saved_variables()[0].gt(0)
      : grad;
}

torch::Tensor dense_weight(AutogradContext* context) {
  return context->saved_data["w"].toCustomClass<PackedWeight>()->to_dense();
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static torch::Tensor forward(
      AutogradContext* context,
      const torch::Tensor& x,
      const c10::intrusive_ptr<PackedWeight>& w,
      const OptionalTensor& bias,
      bool relu) {
    const at::AutoDispatchBelowADInplaceOrView guard;
    auto y = relu ? linear_relu(x, w, bias) : linear(x, w, bias);
    save_for_backward(context, x, w, bias, relu, y);
    return y;
  }

  static variable_list backward(
      AutogradContext* context,
      const variable_list& grads) {
    const auto grad = before_relu(context, grads[0]);
    variable_list result(4);
    if (context->saved_data["x"].toBool()) {
      result[0] = grad.matmul(dense_weight(context));
    }
    if (context->saved_data["bias"].toBool()) {
      result[2] = grad.reshape({-1, grad.size(-1)}).sum(0);
    }
    return result;
  }
};

struct ConvFunction : torch::autograd::Function<ConvFunction> {
  static torch::Tensor forward(
      AutogradContext* context,
      const torch::Tensor& x,
      const c10::intrusive_ptr<PackedWeight>& w,
      const OptionalTensor& bias,
      const ConvSteps& steps,
      bool relu) {
    const at::AutoDispatchBelowADInplaceOrView guard;
    const auto operation = relu ? conv2d_relu : conv2d;
    auto y = operation(x, w, bias, steps.stride, steps.padding, steps.dilation);
    save_for_backward(context, x, w, bias, relu, y);
    context->saved_data["sizes"] = x.sizes().vec();
    context->saved_data["stride"] = c10::IntArrayRef(steps.stride).vec();
    context->saved_data["padding"] = c10::IntArrayRef(steps.padding).vec();
    context->saved_data["dilation"] = c10::IntArrayRef(steps.dilation).vec();
    return y;
  }

  static variable_list backward(
      AutogradContext* context,
      const variable_list& grads) {
    const auto grad = before_relu(context, grads[0]);
    variable_list result(5);
    if (context->saved_data["x"].toBool()) {
      result[0] = input_gradient(context, grad);
    }
    if (context->saved_data["bias"].toBool()) {
      result[2] = grad.dim() == 3 ? grad.sum({1, 2}) : grad.sum({0, 2, 3});
    }
    return result;
  }

  static torch::Tensor input_gradient(
      AutogradContext* context,
      const torch::Tensor& grad) {
    const auto numbers = [&](const char* name) {
      return context->saved_data[name].toIntVector();
    };
    auto sizes = numbers("sizes");
    const bool single = sizes.size() == 3;
    if (single) {
      sizes.insert(sizes.begin(), 1);
    }
    // The gradient depends on the shape of the input only.
    const auto x = at::zeros({1}, grad.options()).expand(sizes);
    const auto gradient = std::get<0>(at::convolution_backward(
        single ? grad.unsqueeze(0) : grad,
        x,
        dense_weight(context),
        at::OptionalIntArrayRef(),
        numbers("stride"),
        numbers("padding"),
        numbers("dilation"),
        /*transposed=*/false,
        /*output_padding=*/{0, 0},
        /*groups=*/1,
        {true, false, false}));
    return single ? gradient.squeeze(0) : gradient;
  }
};

} // namespace

bool needs_gradient(const torch::Tensor& x, const OptionalTensor& bias) {
  return torch::GradMode::is_enabled() &&
      (x.requires_grad() || (bias && bias->defined() && bias->requires_grad()));
}

torch::Tensor linear_with_gradient(
    const torch::Tensor& x,
    const c10::intrusive_ptr<PackedWeight>& w,
    const OptionalTensor& bias,
    bool relu) {
  return LinearFunction::apply(x, w, bias, relu);
}

torch::Tensor conv2d_with_gradient(
    const torch::Tensor& x,
    const c10::intrusive_ptr<PackedWeight>& w,
    const OptionalTensor& bias,
    const ConvSteps& steps,
    bool relu) {
  return ConvFunction::apply(x, w, bias, steps, relu);
}

} // namespace coppice::sparse
