#pragma once

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <optional>

namespace coppice::graph {

/// The constant of a value, or nullopt.
inline std::optional<c10::IValue> constant_value(
    const torch::jit::Value* value) {
  const auto constant = torch::jit::toIValue(value);
  return constant ? std::make_optional(*constant) : std::nullopt;
}

/// The constant tensor of a value; undefined if it is not one.
inline torch::Tensor constant_tensor(const torch::jit::Value* value) {
  const auto constant = torch::jit::toIValue(value);
  return constant && constant->isTensor() ? constant->toTensor()
                                          : torch::Tensor();
}

/// The constant of a value if it has that type.
template <typename T>
std::optional<T> constant_of(const torch::jit::Value* value) {
  if (const auto constant = torch::jit::toIValue(value)) {
    if (!constant->isNone()) {
      try {
        return constant->to<T>();
      } catch (const c10::Error&) {
        return std::nullopt; // Another type, such as padding "same".
      }
    }
  }
  return std::nullopt;
}

} // namespace coppice::graph
