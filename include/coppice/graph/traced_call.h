#pragma once

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coppice/export.h"

// How `trace` calls the `forward` of a template parameter: deduces its types
// and forwards to functions without templates.

namespace coppice {

/// A type-erased forward.
using TracedCall = std::function<c10::IValue(std::vector<c10::IValue>)>;

namespace detail {

/// Types that a traced forward may take: tensors and containers of them.
template <typename T>
struct is_traced : std::is_same<T, torch::Tensor> {};
template <typename T>
struct is_traced<c10::optional<T>> : is_traced<T> {};
template <typename... T>
struct is_traced<std::tuple<T...>> : std::conjunction<is_traced<T>...> {};
template <>
struct is_traced<std::vector<torch::Tensor>> : std::true_type {};
template <>
struct is_traced<c10::List<torch::Tensor>> : std::true_type {};
template <>
struct is_traced<c10::Dict<std::string, torch::Tensor>> : std::true_type {};
template <>
struct is_traced<std::unordered_map<std::string, torch::Tensor>>
    : std::true_type {};

/// Throws c10::ValueError: input `index` has another type.
COPPICE_API void
check_input(const c10::IValue& input, const c10::Type& wanted, size_t index);
/// Throws c10::ValueError: input `index` is not a tensor.
[[noreturn]] COPPICE_API void refuse_input(size_t index);
/// Throws c10::ValueError: the default of argument `index` has another type.
[[noreturn]] COPPICE_API void refuse_default(size_t index);

/// `given`, and the defaults of the missing arguments if `model` declares them
/// (FORWARD_HAS_DEFAULT_ARGS). `model` may be null.
///
/// Errors: c10::ValueError if there are too few or too many.
COPPICE_API std::vector<torch::nn::AnyValue> with_defaults(
    torch::nn::Module* model,
    std::vector<torch::nn::AnyValue> given,
    size_t wanted);

template <typename T>
void give(
    std::vector<torch::nn::AnyValue>& given,
    const std::vector<c10::IValue>& inputs,
    size_t index) {
  if (index >= inputs.size()) {
    return;
  }
  if constexpr (is_traced<T>::value) {
    check_input(inputs[index], *c10::getTypePtr<T>(), index);
    given.emplace_back(inputs[index].to<T>());
  } else {
    refuse_input(index);
  }
}

template <typename T>
T& value_of(torch::nn::AnyValue& value, size_t index) {
  T* const found = value.try_get<T>();
  if (found == nullptr) {
    refuse_default(index);
  }
  return *found;
}

template <typename T>
c10::IValue to_ivalue(T output) {
  if constexpr (!std::is_same_v<T, c10::IValue>) {
    static_assert(
        is_traced<T>::value,
        "trace: forward returns neither a tensor nor a tuple, vector or "
        "dictionary of tensors; trace a callable that does, "
        "trace(model, [&](torch::Tensor x) { ... }, inputs)");
  }
  return c10::IValue(std::move(output));
}

template <typename A, typename B>
c10::IValue to_ivalue(std::pair<A, B> output) {
  return to_ivalue(
      std::make_tuple(std::move(output.first), std::move(output.second)));
}

template <typename... Arguments, typename Callable, size_t... I>
c10::IValue call(
    const Callable& callable,
    torch::nn::Module* model,
    const std::vector<c10::IValue>& inputs,
    std::index_sequence<I...>) {
  std::vector<torch::nn::AnyValue> values;
  (give<std::decay_t<Arguments>>(values, inputs, I), ...);
  // Excess inputs are counted, not converted.
  for (size_t i = sizeof...(Arguments); i < inputs.size(); ++i) {
    values.emplace_back(inputs[i]);
  }
  values = with_defaults(model, std::move(values), sizeof...(Arguments));
  return to_ivalue(callable(static_cast<Arguments&&>(
      value_of<std::decay_t<Arguments>>(values[I], I))...));
}

/// Not named `erase`: argument-dependent lookup would find C++20's functions of
/// that name for containers.
template <typename... Arguments, typename Callable>
TracedCall erase_types(Callable callable, torch::nn::Module* model) {
  return [callable, model](const std::vector<c10::IValue>& inputs) {
    return call<Arguments...>(
        callable,
        model,
        inputs,
        std::make_index_sequence<sizeof...(Arguments)>());
  };
}

template <
    typename Model,
    typename Class,
    typename Return,
    typename... Arguments>
TracedCall erase_forward(Model& model, Return (Class::*forward)(Arguments...)) {
  return erase_types<Arguments...>(
      [&model, forward](auto&&... arguments) {
        return (model.*forward)(
            std::forward<decltype(arguments)>(arguments)...);
      },
      &model);
}

template <
    typename Model,
    typename Class,
    typename Return,
    typename... Arguments>
TracedCall erase_forward(
    Model& model,
    Return (Class::*forward)(Arguments...) const) {
  return erase_types<Arguments...>(
      [&model, forward](auto&&... arguments) {
        return (model.*forward)(
            std::forward<decltype(arguments)>(arguments)...);
      },
      &model);
}

/// For a Sequential, whose forward is a template: calls its `AnyModule`s.
COPPICE_API TracedCall erase_sequential(torch::nn::SequentialImpl& model);

template <typename Model, typename = void>
struct has_forward : std::false_type {};
template <typename Model>
struct has_forward<Model, std::void_t<decltype(&Model::forward)>>
    : std::true_type {};

template <typename Model>
TracedCall forward_of(Model& model) {
  if constexpr (has_forward<Model>::value) {
    return erase_forward(model, &Model::forward);
  } else {
    static_assert(
        std::is_base_of_v<torch::nn::SequentialImpl, Model>,
        "trace: the model has no public forward of that type, or several, or "
        "one that is a template; trace a callable that calls the one you mean, "
        "trace(model, [&](torch::Tensor x) { ... }, inputs)");
    return erase_sequential(model);
  }
}

template <
    typename Callable,
    typename Class,
    typename Return,
    typename... Arguments>
TracedCall erase_object(
    Callable callable,
    Return (Class::*)(Arguments...) const) {
  return erase_types<Arguments...>(std::move(callable), nullptr);
}

template <
    typename Callable,
    typename Class,
    typename Return,
    typename... Arguments>
TracedCall erase_object(Callable callable, Return (Class::*)(Arguments...)) {
  // Shared, as a `mutable` lambda changes its copy during the call.
  const auto shared = std::make_shared<Callable>(std::move(callable));
  return erase_types<Arguments...>(
      [shared](auto&&... arguments) {
        return (*shared)(std::forward<decltype(arguments)>(arguments)...);
      },
      nullptr);
}

template <typename Return, typename... Arguments>
TracedCall callable_of(Return (*function)(Arguments...)) {
  return erase_types<Arguments...>(function, nullptr);
}

template <typename Callable, typename = void>
struct has_call : std::false_type {};
template <typename Callable>
struct has_call<Callable, std::void_t<decltype(&Callable::operator())>>
    : std::true_type {};

template <typename Callable>
TracedCall callable_of(Callable callable) {
  if constexpr (std::is_convertible_v<Callable, TracedCall>) {
    return callable;
  } else {
    static_assert(
        has_call<Callable>::value,
        "trace: the callable is none, or its argument types are not spelt out; "
        "write [&](torch::Tensor x) { ... }");
    return erase_object(std::move(callable), &Callable::operator());
  }
}

/// Throws c10::ValueError if `model` is null.
COPPICE_API void check_model(const void* model);

/// The module of a reference, a `shared_ptr` or a holder.
template <typename Model>
std::enable_if_t<std::is_base_of_v<torch::nn::Module, Model>, Model&> module_of(
    Model& model) {
  return model;
}

template <typename Model>
Model& module_of(const std::shared_ptr<Model>& model) {
  check_model(model.get());
  return *model;
}

template <typename Model>
Model& module_of(const torch::nn::ModuleHolder<Model>& model) {
  check_model(model.is_empty() ? nullptr : model.get());
  return *model.ptr();
}

} // namespace detail
} // namespace coppice
