#pragma once

#include <c10/util/Exception.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <functional>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "coppice/core/activation_site.h"
#include "coppice/export.h"
#include "coppice/model/hook_list.h"
#include "coppice/model/hooked_forward.h"
#include "coppice/model/module_hooks.h"

namespace coppice::model {

template <typename Pointer>
struct Signature;
template <typename R, typename C, typename... Args>
struct Signature<R (C::*)(Args...)> {
  using Type = std::decay_t<R>(Args...);
};
template <typename R, typename C, typename... Args>
struct Signature<R (C::*)(Args...) const> : Signature<R (C::*)(Args...)> {};
template <typename R, typename C, typename... Args>
struct Signature<R (C::*)(Args...) noexcept> : Signature<R (C::*)(Args...)> {};
template <typename R, typename C, typename... Args>
struct Signature<R (C::*)(Args...) const noexcept>
    : Signature<R (C::*)(Args...)> {};

template <typename Impl, typename = void>
struct ForwardOf {
  static_assert(
      !std::is_same_v<Impl, Impl>,
      "coppice::nn::Hooked<M>: M needs a public forward() that is neither a "
      "template nor overloaded");
  using Type = torch::Tensor(torch::Tensor); // Avoids further errors.
};
template <typename Impl>
struct ForwardOf<Impl, std::void_t<decltype(&Impl::forward)>>
    : Signature<decltype(&Impl::forward)> {};

/// `torch::nn::LinearImpl` for `torch::nn::Linear` and for itself.
template <typename Module, typename = void>
struct ImplOf {
  using Type = Module;
};
template <typename Holder>
struct ImplOf<Holder, std::void_t<typename Holder::ContainedType>> {
  using Type = typename Holder::ContainedType;
};

/// The type that holds an argument while hooks may change it: a value, unless
/// the argument is not copyable or is a mutable reference.
template <typename T>
using Held = std::conditional_t<
    (std::is_lvalue_reference_v<T> &&
     !std::is_const_v<std::remove_reference_t<T>>) ||
        !std::is_copy_constructible_v<std::decay_t<T>>,
    T&&,
    std::decay_t<T>>;

/// Passes on a held argument; a copy if the module takes a value, because
/// forward hooks see it later.
template <typename T>
decltype(auto) pass_on(std::remove_reference_t<Held<T>>& held) {
  if constexpr (
      std::is_lvalue_reference_v<T> ||
      (!std::is_reference_v<T> && std::is_copy_constructible_v<T>)) {
    return (held);
  } else {
    return std::move(held);
  }
}

/// `text`, printed by a hooked module, with the name of its original class.
COPPICE_API std::string as_original(
    std::string text,
    const std::string& hooked_name,
    const std::type_info& original);

template <typename First, typename... Rest>
First& first_of(First& first, Rest&...) {
  return first;
}

template <typename Impl, typename Signature>
class HookedCall;

/// Runs hooks, site and the forward of `Impl`.
template <typename Impl, typename Output, typename... Args>
class HookedCall<Impl, Output(Args...)> : public Impl,
                                          public HasActivationSite {
  static_assert(
      !std::is_void_v<Output>,
      "coppice::nn::Hooked<M>: the forward() of M returns nothing");

 public:
  /// Sees the inputs before the module runs, and may replace them by
  /// assignment. The caller's variables do not change; but writing to a tensor
  /// in place (`mul_`) changes the caller's.
  using ForwardPreHook =
      std::function<void(Impl& module, Held<Args>&... inputs)>;

  /// Sees the inputs of the module and its output, and may replace the output
  /// by assignment.
  using ForwardHook = std::function<void(
      Impl& module,
      const std::remove_reference_t<Held<Args>>&... inputs,
      Output& output)>;

  using Impl::Impl;

  /// Registers a hook that runs at the start of each forward, after those that
  /// are registered. Its exceptions propagate from forward.
  ///
  /// Errors: c10::ValueError if `hook` is empty.
  nn::RemovableHandle register_forward_pre_hook(ForwardPreHook hook) {
    return add<ForwardPreHook>(hooks_.pre_hooks(), std::move(hook));
  }

  /// The same at the end.
  nn::RemovableHandle register_forward_hook(ForwardHook hook) {
    return add<ForwardHook>(hooks_.hooks(), std::move(hook));
  }

  /// Runs between the pre-hooks and the module, on the first input; null if
  /// that is not a tensor.
  const c10::intrusive_ptr<ActivationSite>& activation_site() const override {
    return hooks_.site();
  }

 protected:
  Output run(Args... args) {
    if (hooks_.is_empty()) {
      return Impl::forward(std::forward<Args>(args)...);
    }
    return run_hooked(std::forward<Args>(args)...);
  }

  ModuleHooks& hooks() {
    return hooks_;
  }

 private:
  static constexpr bool has_tensor_first() {
    if constexpr (sizeof...(Args) > 0) {
      using First = std::tuple_element_t<0, std::tuple<Held<Args>...>>;
      return std::is_same_v<std::decay_t<First>, torch::Tensor>;
    }
    return false;
  }

  template <typename Hook>
  static nn::RemovableHandle add(
      const std::shared_ptr<HookList>& list,
      Hook hook) {
    TORCH_CHECK_VALUE(hook, "the hook to register is an empty function");
    return {list, list->add(std::make_shared<const Hook>(std::move(hook)))};
  }

  Output run_hooked(Held<Args>... inputs) {
    Impl& self = *this;
    // A snapshot: a hook may remove itself.
    const auto pre_hooks = hooks_.pre_hooks()->entries();
    for (const auto& each : *pre_hooks) {
      (*static_cast<const ForwardPreHook*>(each.hook.get()))(self, inputs...);
    }
    if constexpr (has_tensor_first()) {
      hooks_.enter(first_of(inputs...));
    }
    Output output = Impl::forward(pass_on<Args>(inputs)...);
    const auto hooks = hooks_.hooks()->entries();
    for (const auto& each : *hooks) {
      (*static_cast<const ForwardHook*>(each.hook.get()))(
          self, inputs..., output);
    }
    return output;
  }

  ModuleHooks hooks_{has_tensor_first(), this->parameters_};
};

template <typename Impl>
using HookedBase = HookedForward<
    Impl,
    HookedCall<Impl, typename ForwardOf<Impl>::Type>,
    typename ForwardOf<Impl>::Type>;

} // namespace coppice::model

namespace coppice::nn {

/// The module that a `Hooked` holds: an `Impl`, with hooks around its forward.
template <typename Impl>
class HookedImpl : public model::HookedBase<Impl> {
  using Base = model::HookedBase<Impl>;
  static_assert(
      std::is_base_of_v<torch::nn::Module, Impl> && !std::is_final_v<Impl>,
      "coppice::nn::Hooked<M>: M is not a torch::nn module, or its class is "
      "final");

 public:
  using Base::Base;

  /// A hooked module with copies of parameters, hooks and site. Also used when
  /// a parent module is cloned; hooks that the parent's `reset()` registers
  /// then replace the copied ones.
  ///
  /// Errors: c10::Error if `Impl` is not Cloneable.
  std::shared_ptr<torch::nn::Module> clone(
      const c10::optional<torch::Device>& device =
          c10::nullopt) const override {
    if constexpr (
        std::is_copy_constructible_v<Impl> && std::is_move_assignable_v<Impl>) {
      auto copy = std::make_shared<HookedImpl>(*this);
      copy->hooks().unmark(copy->parameters_);
      // The base class creates an `Impl`, without hooks.
      const auto plain =
          std::dynamic_pointer_cast<Impl>(copy->Impl::clone(device));
      TORCH_CHECK(plain, "the clone of ", this->name(), " is another class");
      static_cast<Impl&>(*copy) = std::move(*plain);
      copy->hooks().mark(copy->parameters_);
      return copy;
    } else {
      return Impl::clone(device);
    }
  }

  /// Prints as the original does.
  void pretty_print(std::ostream& stream) const override {
    std::ostringstream text;
    Impl::pretty_print(text);
    stream << model::as_original(text.str(), this->name(), typeid(Impl));
  }
};

/// A module holder with hooks: `Hooked<torch::nn::Linear>` is constructed like
/// a `torch::nn::Linear`, can be used in its place, and its forward runs, in
/// this order,
///
/// 1. the forward pre-hooks, in the order of their registration,
/// 2. the activation site, on the first input where that is a tensor: what an
///    `ActivationSparsifier` attaches to,
/// 3. the module's own forward,
/// 4. the forward hooks, in the order of their registration.
///
/// `Module` is a holder (`torch::nn::Linear`, or your own by `TORCH_MODULE`) or
/// the module's class, with one forward that is neither a template nor
/// overloaded. The held module derives from the original, so
/// `as<torch::nn::Linear>()` finds it; but forward is not virtual, so calls
/// through the original class run no hooks.
///
/// ```
/// coppice::nn::Hooked<torch::nn::Linear> fc1(64, 128);
/// auto handle = fc1->register_forward_pre_hook(
///     [](torch::nn::LinearImpl&, torch::Tensor& input) { input = -input; });
/// fc1(x);
/// handle.remove();
/// ```
///
/// Arguments with defaults in the original may be omitted, except defaults that
/// are neither a tensor nor an optional (see `DefaultArgument`) and modules
/// with other numbers of arguments than one, two, three or seven
/// (`torch::nn::Transformer` and its decoder): those need all arguments, or a
/// `torch::nn::Sequential`.
///
/// Thread-safe if the original is. Hooks are called by every thread that runs
/// the module, concurrently.
///
/// Source: register_forward_pre_hook and register_forward_hook of
///   torch.nn.Module.
template <typename Module>
class Hooked : public torch::nn::ModuleHolder<
                   HookedImpl<typename model::ImplOf<Module>::Type>> {
 public:
  using Impl = HookedImpl<typename model::ImplOf<Module>::Type>;
  using torch::nn::ModuleHolder<Impl>::ModuleHolder; // Inherits constructors.
};

} // namespace coppice::nn
