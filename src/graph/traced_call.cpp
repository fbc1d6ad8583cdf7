#include "coppice/graph/traced_call.h"

namespace coppice::detail {
namespace {

/// Accesses FORWARD_HAS_DEFAULT_ARGS's declaration, which is protected.
struct Defaults : torch::nn::Module {
  static bool has(torch::nn::Module& model) {
    return (model.*&Defaults::_forward_has_default_args)();
  }
  static size_t required(torch::nn::Module& model) {
    return (model.*&Defaults::_forward_num_required_args)();
  }
  static std::vector<torch::nn::AnyValue> fill(
      torch::nn::Module& model,
      std::vector<torch::nn::AnyValue> given) {
    return (model.*&Defaults::_forward_populate_default_args)(std::move(given));
  }
};

std::string input_count(size_t count) {
  return std::to_string(count) + (count == 1 ? " input" : " inputs");
}

template <typename T>
bool take(torch::nn::AnyValue& value, c10::IValue& taken) {
  if (auto* const found = value.try_get<T>()) {
    taken = c10::IValue(*found);
    return true;
  }
  return false;
}

/// Types that LibTorch's modules return.
c10::IValue output_of(torch::nn::AnyValue value) {
  using torch::Tensor;
  c10::IValue output;
  const bool known = take<Tensor>(value, output) ||
      take<std::tuple<Tensor, Tensor>>(value, output) ||
      take<std::tuple<Tensor, Tensor, Tensor>>(value, output) ||
      take<std::tuple<Tensor, std::tuple<Tensor, Tensor>>>(value, output) ||
      take<std::vector<Tensor>>(value, output);
  TORCH_CHECK_VALUE(
      known,
      "trace: the last module of the Sequential returns neither a tensor nor a "
      "tuple or vector of tensors; trace a callable that does");
  return output;
}

torch::nn::AnyValue run_first(
    torch::nn::AnyModule& first,
    const std::vector<c10::IValue>& inputs) {
  std::vector<torch::Tensor> x;
  for (const auto& input : inputs) {
    TORCH_CHECK_VALUE(
        input.isTensor(),
        "trace: input ",
        x.size(),
        " is a ",
        input.type()->repr_str(),
        ", but a Sequential is called with tensors; trace a callable that "
        "calls it");
    x.push_back(input.toTensor());
  }
  switch (x.size()) {
    case 1:
      return first.any_forward(x[0]);
    case 2:
      return first.any_forward(x[0], x[1]);
    case 3:
      return first.any_forward(x[0], x[1], x[2]);
    default:
      TORCH_CHECK_VALUE(
          false,
          "trace: a Sequential takes one to three inputs but got ",
          x.size());
  }
}

} // namespace

void check_input(
    const c10::IValue& input,
    const c10::Type& wanted,
    size_t index) {
  const auto type = input.type();
  TORCH_CHECK_VALUE(
      type->isSubtypeOf(wanted),
      "trace: input ",
      index,
      " is a ",
      type->repr_str(),
      ", but forward takes a ",
      wanted.repr_str(),
      " there");
}

void refuse_input(size_t index) {
  TORCH_CHECK_VALUE(
      false,
      "trace: input ",
      index,
      " is not a tensor to forward, and a trace takes only tensors; bind the "
      "value in a callable, trace(model, [&](torch::Tensor x) { ... }, "
      "inputs)");
}

void refuse_default(size_t index) {
  TORCH_CHECK_VALUE(
      false,
      "trace: FORWARD_HAS_DEFAULT_ARGS of the model gives argument ",
      index,
      " another type than its forward takes");
}

std::vector<torch::nn::AnyValue> with_defaults(
    torch::nn::Module* model,
    std::vector<torch::nn::AnyValue> given,
    size_t wanted) {
  const bool has = model != nullptr && Defaults::has(*model);
  const size_t required = has ? Defaults::required(*model) : wanted;
  TORCH_CHECK_VALUE(
      given.size() >= required && given.size() <= wanted,
      "trace: forward takes ",
      required == wanted ? "" : std::to_string(required) + " to ",
      input_count(wanted),
      " but got ",
      given.size());
  return given.size() == wanted ? std::move(given)
                                : Defaults::fill(*model, std::move(given));
}

TracedCall erase_sequential(torch::nn::SequentialImpl& model) {
  return [&model](const std::vector<c10::IValue>& inputs) {
    TORCH_CHECK_VALUE(!model.is_empty(), "trace: the Sequential is empty");
    auto module = model.begin();
    auto value = run_first(*module, inputs);
    for (++module; module != model.end(); ++module) {
      value = module->any_forward(std::move(value));
    }
    return output_of(std::move(value));
  };
}

void check_model(const void* model) {
  TORCH_CHECK_VALUE(
      model != nullptr, "trace: the model is an empty pointer or holder");
}

} // namespace coppice::detail
