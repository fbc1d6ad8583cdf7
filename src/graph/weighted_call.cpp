#include "graph/weighted_call.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "graph/op_roles.h"

namespace coppice::graph {
namespace {

using torch::Tensor;
using Inputs = c10::ArrayRef<const c10::IValue>;
using Pair = std::array<int64_t, 2>;

/// A defined tensor among an op's inputs; undefined if it is not one.
Tensor tensor_at(Inputs inputs, int index) {
  return index >= 0 && static_cast<size_t>(index) < inputs.size() &&
          inputs[index].isTensor()
      ? inputs[index].toTensor()
      : Tensor();
}

bool is_plain(const Tensor& tensor) {
  return tensor.defined() && tensor.layout() == torch::kStrided &&
      tensor.is_floating_point();
}

/// Reads two numbers from a list, or from a single one; for one dimension the
/// height is `filler`.
bool read_pair(
    const c10::IValue& value,
    int64_t dims,
    int64_t filler,
    Pair& pair) {
  if (!value.isIntList()) {
    return false;
  }
  const auto numbers = value.toIntVector();
  if (numbers.empty()) {
    return false;
  }
  const auto at = [&](size_t i) { return numbers[i < numbers.size() ? i : 0]; };
  pair = dims == 1 ? Pair{filler, at(0)} : Pair{at(0), at(1)};
  return true;
}

/// Padding by name. The extra end padding of "same" is applied here.
bool pad_by_name(const std::string& word, WeightedCall& call) {
  if (word == "valid") {
    return true;
  }
  if (word != "same") {
    return false;
  }
  std::vector<int64_t> right; // Last dimension first.
  for (const int dim : {1, 0}) {
    const auto total =
        call.steps.dilation[dim] * (call.weight.size(2 + dim) - 1);
    call.steps.padding[dim] = total / 2;
    right.insert(right.end(), {0, total % 2});
  }
  if (right[1] + right[3] > 0) {
    call.input = at::constant_pad_nd(call.input, right, 0);
  }
  return true;
}

/// Indices of a convolution's inputs.
struct ConvInputs {
  int stride = 3;
  int padding = 4;
  int dilation = 5;
  int transposed = -1;
  int groups = 6;
};

bool read_conv(Inputs inputs, const OpRoles& roles, WeightedCall& call) {
  ConvInputs at;
  at.groups = roles.groups;
  at.transposed = roles.groups == 8 ? 6 : -1;
  const int64_t dims = call.weight.dim() - 2;
  if ((dims != 1 && dims != 2) ||
      inputs.size() <= static_cast<size_t>(at.groups) ||
      !inputs[at.groups].isInt() ||
      (at.transposed >= 0 && inputs[at.transposed].toBool())) {
    return false;
  }
  if (call.input.dim() == dims + 1) {
    call.input = call.input.unsqueeze(0);
  }
  if (call.input.dim() != dims + 2) {
    return false;
  }
  if (dims == 1) {
    call.weight = call.weight.unsqueeze(2);
    call.input = call.input.unsqueeze(2);
  }
  call.is_conv = true;
  call.groups = inputs[at.groups].toInt();
  if (!read_pair(inputs[at.stride], dims, 1, call.steps.stride) ||
      !read_pair(inputs[at.dilation], dims, 1, call.steps.dilation)) {
    return false;
  }
  return inputs[at.padding].isString()
      ? pad_by_name(inputs[at.padding].toStringRef(), call)
      : read_pair(inputs[at.padding], dims, 0, call.steps.padding);
}

/// The matrices [out, in] in the last two dimensions.
Tensor outputs_first(const Tensor& weight, bool is_transposed) {
  return is_transposed ? weight.transpose(-1, -2) : weight;
}

/// A product by a matrix, or by a batch of them.
bool read_product(
    const OpRoles& roles,
    bool on_left,
    WeightedCall call,
    std::vector<WeightedCall>& calls) {
  auto weight = call.weight;
  auto input = on_left && call.input.dim() > 1 ? call.input.transpose(-1, -2)
                                               : call.input;
  if (weight.dim() <= 1) {
    weight = weight.reshape({1, -1});
  } else if (weight.dim() <= 3) {
    weight = outputs_first(weight, roles.in_dim < roles.out_dim);
  } else {
    return false;
  }
  if (weight.dim() == 3 && (weight.size(0) == 1 || weight.stride(0) == 0)) {
    weight = weight[0];
  }
  if (input.dim() == 0 || input.size(-1) != weight.size(-1)) {
    return false;
  }
  if (weight.dim() == 2) {
    call.weight = weight;
    call.input = input;
    calls.push_back(std::move(call));
    return true;
  }
  const bool is_batch = input.dim() == 3 && input.size(0) == weight.size(0);
  if (!is_batch && input.dim() > 2) {
    return false;
  }
  for (int64_t i = 0; i < weight.size(0); ++i) {
    call.weight = weight[i];
    call.input = is_batch ? input[i] : input;
    calls.push_back(call);
  }
  return true;
}

/// Ops that `read_product` handles: by a matrix or a batch of matrices.
bool is_product(const OpRoles& roles) {
  return std::strcmp(roles.layer, "linear") == 0 &&
      std::strcmp(roles.op, "aten::tensordot") != 0 &&
      std::strcmp(roles.op, "aten::dot") != 0;
}

bool is_convolution(const OpRoles& roles) {
  return roles.groups >= 0 && roles.in_dim == 1;
}

/// Reads one weight of an op; false for a use that is not supported.
bool read(
    Inputs inputs,
    const OpRoles& roles,
    bool on_left,
    size_t tensor,
    const TensorFinder& find,
    std::vector<WeightedCall>& calls) {
  WeightedCall call;
  call.tensor = tensor;
  call.weight = tensor_at(inputs, roles.weight);
  call.input = tensor_at(inputs, roles.activation);
  if (!is_plain(call.weight) || !is_plain(call.input) ||
      find(call.input) >= 0) {
    return false;
  }
  if (is_convolution(roles)) {
    if (!read_conv(inputs, roles, call)) {
      return false;
    }
    calls.push_back(std::move(call));
    return true;
  }
  return is_product(roles) && read_product(roles, on_left, call, calls);
}

} // namespace

WeightedCalls
weighted_calls(const char* name, Inputs inputs, const TensorFinder& find) {
  WeightedCalls result;
  if (std::strncmp(name, "aten::", 6) != 0) {
    return result;
  }
  const auto kind = c10::Symbol::fromQualString(name);
  const auto* roles = op_roles(kind);
  // The weights are read in the ops that recurrent and fused layers run.
  if (roles == nullptr || roles->family == OpFamily::kRecurrent ||
      roles->family == OpFamily::kFused) {
    return result;
  }
  const auto tensor_of = [&](const OpRoles& each) {
    const auto weight = tensor_at(inputs, each.weight);
    return weight.defined() ? find(weight) : -1;
  };
  bool on_left = false;
  auto tensor = tensor_of(*roles);
  const auto* left = left_op_roles(kind);
  if (tensor < 0 && left != nullptr) {
    roles = left;
    on_left = true;
    tensor = tensor_of(*roles);
  }
  if (tensor >= 0 &&
      !read(inputs, *roles, on_left, tensor, find, result.calls)) {
    result.others.push_back(tensor);
  }
  return result;
}

Tensor output_of(const WeightedCall& call, const Tensor& weight) {
  return call.is_conv ? at::conv2d(
                            call.input,
                            weight,
                            {},
                            call.steps.stride,
                            call.steps.padding,
                            call.steps.dilation,
                            call.groups)
                      : at::linear(call.input, weight);
}

} // namespace coppice::graph
