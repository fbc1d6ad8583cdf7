#include "cli/arguments.h"

#include <fmt/format.h>
#include "core/fqn.h"

#include <algorithm>

#include "cli/errors.h"
#include "cli/schema_values.h"
#include "graph/model_inputs.h"

namespace coppice::cli {
namespace {

using Items = std::vector<PickleValue>;
using Inputs = std::vector<c10::IValue>;

/// How messages name an input.
std::string place(const std::string& where, const std::string& name) {
  return fmt::format("{}: input `{}`", where, name);
}

Inputs in_order(
    const Items& items,
    const torch::jit::Module& module,
    const std::string& where) {
  const auto arguments = graph::arguments_of(module);
  try {
    graph::check_count(module, items.size());
  } catch (const c10::ValueError& error) {
    throw InputError(
        fmt::format("{}: {}.", where, error.what_without_backtrace()));
  }
  Inputs inputs;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto& argument = arguments[i];
    inputs.push_back(
        value_of(items[i], argument.type(), place(where, argument.name())));
  }
  return inputs;
}

/// Inputs by name; missing ones take their defaults.
Inputs by_name(
    const PickleDict& given,
    const torch::jit::Module& module,
    const std::string& where) {
  Inputs inputs;
  for (const auto& argument : graph::arguments_of(module)) {
    const auto& name = argument.name();
    if (const auto* value = given.find(name)) {
      inputs.push_back(value_of(*value, argument.type(), place(where, name)));
      continue;
    }
    if (!argument.default_value()) {
      throw InputError(fmt::format(
          "{}: gives no `{}`, which the model takes; add it.", where, name));
    }
    inputs.push_back(*argument.default_value());
  }
  return inputs;
}

/// Whether `a` comes before `b` in natural order: x2 before x10.
bool natural_less(const std::string& a, const std::string& b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) {
        return a[i] < b[j];
      }
      ++i;
      ++j;
      continue;
    }
    const auto number = [&](const std::string& text, size_t& at) {
      const size_t begin =
          std::min(text.find_first_not_of('0', at), text.size());
      at = begin;
      while (at < text.size() && is_digit(text[at])) {
        ++at;
      }
      return text.substr(begin, at - begin);
    };
    const auto x = number(a, i);
    const auto y = number(b, j);
    if (x != y) {
      return x.size() != y.size() ? x.size() < y.size() : x < y;
    }
  }
  return a.size() - i < b.size() - j;
}

Items by_order_of_names(const PickleDict& given) {
  auto items = given.items;
  std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) {
    return natural_less(
        *a.first.template get_if<std::string>(),
        *b.first.template get_if<std::string>());
  });
  Items values;
  for (const auto& item : items) {
    values.push_back(item.second);
  }
  return values;
}

Inputs from_dictionary(
    const PickleDict& given,
    const torch::jit::Module& module,
    const std::string& where) {
  std::vector<std::string> names;
  for (const auto& argument : graph::arguments_of(module)) {
    names.push_back(argument.name());
  }
  const std::string* unknown = nullptr;
  bool is_any_known = false;
  bool is_of_tensors = true;
  for (const auto& [key, value] : given.items) {
    const auto* const name = key.get_if<std::string>();
    if (name == nullptr) {
      throw InputError(fmt::format(
          "{}: is a dictionary with keys that are not names; give the inputs "
          "of "
          "the model by name.",
          where));
    }
    is_of_tensors = is_of_tensors && value.get_if<PickleTensor>() != nullptr;
    const bool is_known =
        std::find(names.begin(), names.end(), *name) != names.end();
    is_any_known = is_any_known || is_known;
    unknown = is_known ? unknown : name;
  }
  if (unknown != nullptr && !is_any_known && is_of_tensors) {
    return in_order(by_order_of_names(given), module, where);
  }
  if (unknown != nullptr) {
    throw InputError(fmt::format(
        "{}: the model has no input `{}`; {}.",
        where,
        *unknown,
        names.empty()
            ? "it has no inputs"
            : fmt::format(
                  "the nearest is `{}`", nearest_name(*unknown, names))));
  }
  return by_name(given, module, where);
}

Inputs from_parts(
    const PickleValue& value,
    const torch::jit::Module& module,
    const std::string& where) {
  if (const auto* dictionary = value.get_if<PickleDict>()) {
    return from_dictionary(*dictionary, module, where);
  }
  if (const auto* list = value.get_if<PickleList>()) {
    return in_order(list->items, module, where);
  }
  const auto* const tuple = value.get_if<PickleTuple>();
  return in_order(tuple ? tuple->items : Items{value}, module, where);
}

} // namespace

std::vector<c10::IValue> arguments_from(
    const PickleValue& value,
    const torch::jit::Module& module,
    const std::string& where) {
  try {
    return from_parts(value, module, where);
  } catch (const InputError&) {
    try { // The value itself may be the only input.
      return in_order({value}, module, where);
    } catch (const InputError&) {
    }
    throw;
  }
}

} // namespace coppice::cli
