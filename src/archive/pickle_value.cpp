#include "archive/pickle_value.h"

#include <algorithm>
#include <array>

namespace coppice {
namespace {

// In the order of the variant.
constexpr std::array<std::string_view, 22> kKinds = {
    "None",
    "a bool",
    "an integer",
    "a float",
    "a complex number",
    "an integer of more than 64 bits",
    "a string",
    "bytes",
    "a list",
    "a tuple",
    "a set",
    "a dictionary",
    "a size",
    "a device",
    "a dtype",
    "a storage",
    "a tensor",
    "a sparse tensor",
    "the name of a class",
    "an object",
    "a NumPy scalar",
    "an object that only Python can make",
};

template <class Items>
auto find_key(Items& items, std::string_view key) {
  return std::find_if(items.begin(), items.end(), [key](const auto& item) {
    const auto* text = item.first.template get_if<std::string>();
    return text && *text == key;
  });
}

} // namespace

const PickleValue* PickleDict::find(std::string_view key) const {
  const auto found = find_key(items, key);
  return found == items.end() ? nullptr : &found->second;
}

void PickleDict::set(std::string_view key, PickleValue value) {
  const auto found = find_key(items, key);
  if (found == items.end()) {
    items.emplace_back(key, std::move(value));
  } else {
    found->second = std::move(value);
  }
}

const void* PickleValue::identity() const {
  return std::visit(
      [](const auto& held) -> const void* {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (
            std::is_arithmetic_v<Held> ||
            std::is_same_v<Held, std::monostate> ||
            std::is_same_v<Held, std::complex<double>>) {
          return nullptr;
        } else {
          return held.get();
        }
      },
      value_);
}

std::string_view PickleValue::kind_name() const {
  static_assert(std::variant_size_v<decltype(value_)> == kKinds.size());
  return kKinds[value_.index()];
}

} // namespace coppice
