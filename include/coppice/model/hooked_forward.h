#pragma once

#include <torch/types.h>

#include <cstddef>
#include <type_traits>
#include <utility>

// LibTorch's default arguments of forward: a derived class can find which
// arguments have defaults, but not their values.

namespace torch::nn {
class MultiheadAttentionImpl;
} // namespace torch::nn

namespace coppice::nn {

/// The value of an omitted argument of type `T` of a hooked `Impl::forward`.
/// Tensors and optionals are empty, as in all of LibTorch; specialise it for a
/// module of your own with another default.
template <typename Impl, typename T>
struct DefaultArgument {
  static T get() {
    static_assert(
        std::is_constructible_v<T, c10::nullopt_t> ||
            std::is_same_v<T, torch::Tensor>,
        "coppice::nn::Hooked: the default of this argument is not known to a "
        "hooked module; pass it, or specialise coppice::nn::DefaultArgument");
    return T{};
  }
};

/// `need_weights` and `average_attn_weights`.
template <>
struct DefaultArgument<torch::nn::MultiheadAttentionImpl, bool> {
  static bool get() {
    return true;
  }
};

} // namespace coppice::nn

namespace coppice::model {

template <typename Impl, typename Arguments, typename = void>
struct IsCallable : std::false_type {};
template <typename Impl, typename... Args>
struct IsCallable<
    Impl,
    void(Args...),
    std::void_t<decltype(std::declval<Impl&>().forward(
        std::declval<Args>()...))>> : std::true_type {};

/// The default of the argument that follows those of types `Given`.
template <typename Impl, typename T, typename... Given>
std::decay_t<T> default_argument() {
  static_assert(
      IsCallable<Impl, void(Given...)>::value,
      "coppice::nn::Hooked: this call of forward() leaves out an argument that "
      "has no default");
  return nn::DefaultArgument<Impl, std::decay_t<T>>::get();
}

/// Adds `forward` to `Call`, whose `run` implements it. It has defaults where
/// LibTorch's modules have them, and is neither a template nor overloaded, as
/// `torch::nn::AnyModule` requires.
template <typename Impl, typename Call, typename Signature>
class HookedForward;

template <typename Impl, typename Call, typename R, typename... Args>
class HookedForward<Impl, Call, R(Args...)> : public Call {
 public:
  using Call::Call;
  R forward(Args... args) {
    return this->run(std::forward<Args>(args)...);
  }
};

/// Recurrent modules, transposed convolutions.
template <typename Impl, typename Call, typename R, typename A, typename B>
class HookedForward<Impl, Call, R(A, B)> : public Call {
 public:
  using Call::Call;
  R forward(A a, B b = default_argument<Impl, B, A>()) {
    return this->run(std::forward<A>(a), std::forward<B>(b));
  }
};

/// Embedding bags, unpooling, encoders.
template <
    typename Impl,
    typename Call,
    typename R,
    typename A,
    typename B,
    typename C>
class HookedForward<Impl, Call, R(A, B, C)> : public Call {
 public:
  using Call::Call;
  R forward(
      A a,
      B b = default_argument<Impl, B, A>(),
      C c = default_argument<Impl, C, A, B>()) {
    return this->run(
        std::forward<A>(a), std::forward<B>(b), std::forward<C>(c));
  }
};

/// Attention.
template <
    typename Impl,
    typename Call,
    typename R,
    typename A,
    typename B,
    typename C,
    typename D,
    typename E,
    typename F,
    typename G>
class HookedForward<Impl, Call, R(A, B, C, D, E, F, G)> : public Call {
 public:
  using Call::Call;
  R forward(
      A a,
      B b,
      C c,
      D d = default_argument<Impl, D, A, B, C>(),
      E e = default_argument<Impl, E, A, B, C, D>(),
      F f = default_argument<Impl, F, A, B, C, D, E>(),
      G g = default_argument<Impl, G, A, B, C, D, E, F>()) {
    return this->run(
        std::forward<A>(a),
        std::forward<B>(b),
        std::forward<C>(c),
        std::forward<D>(d),
        std::forward<E>(e),
        std::forward<F>(f),
        std::forward<G>(g));
  }
};

} // namespace coppice::model
