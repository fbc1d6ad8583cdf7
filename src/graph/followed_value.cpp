#include "graph/followed_value.h"

#include <algorithm>
#include <numeric>
#include <string_view>

namespace coppice::graph {
namespace {

/// Values with more origins are not weights of any layer in real models.
constexpr size_t kMostOrigins = 4096;

void add_tensors(const c10::IValue& value, std::vector<Origin>& origins) {
  if (origins.size() >= kMostOrigins) {
    return;
  }
  if (value.isTensor()) {
    if (value.toTensor().defined()) {
      Origin origin{value.toTensor(), {}, false};
      origin.axes.resize(value.toTensor().dim());
      std::iota(origin.axes.begin(), origin.axes.end(), 0);
      origins.push_back(std::move(origin));
    }
  } else if (value.isList()) {
    for (const c10::IValue& item : value.toListRef()) {
      add_tensors(item, origins);
    }
  } else if (value.isTuple()) {
    for (const auto& item : value.toTupleRef().elements()) {
      add_tensors(item, origins);
    }
  } else if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) {
      add_tensors(entry.value(), origins);
    }
  }
}

bool is_same(const Origin& a, const Origin& b) {
  return a.tensor.is_same(b.tensor) && a.axes == b.axes &&
      a.is_computed == b.is_computed;
}

/// A dimension, counted from the end if negative.
std::optional<size_t> dimension(std::optional<int64_t> at, size_t count) {
  if (!at) {
    return std::nullopt;
  }
  const auto n = static_cast<int64_t>(count);
  const int64_t d = *at < 0 ? *at + n : *at;
  return d < 0 || d >= n ? std::nullopt
                         : std::make_optional(static_cast<size_t>(d));
}

using Arguments = std::vector<const FollowedValue*>;

std::optional<int64_t> argument(const Arguments& arguments, size_t i) {
  return i < arguments.size() ? arguments[i]->integer() : std::nullopt;
}

void swap_axes(
    std::optional<int64_t> one,
    std::optional<int64_t> other,
    std::vector<int>& axes) {
  const auto a = dimension(one, axes.size());
  const auto b = dimension(other, axes.size());
  if (a && b) {
    std::swap(axes[*a], axes[*b]);
  } else {
    axes.clear();
  }
}

void permute_axes(const Arguments& arguments, std::vector<int>& axes) {
  std::vector<int> moved;
  const bool is_known = !arguments.empty() && arguments[0]->items != nullptr &&
      arguments[0]->items->size() == axes.size();
  for (size_t i = 0; is_known && i < axes.size(); ++i) {
    const auto from =
        dimension((*arguments[0]->items)[i].integer(), axes.size());
    if (from) {
      moved.push_back(axes[*from]);
    }
  }
  axes = moved.size() == axes.size() ? moved : std::vector<int>();
}

void erase_axis(std::optional<int64_t> at, std::vector<int>& axes) {
  const auto d = dimension(at, axes.size());
  if (d) {
    axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(*d));
  } else {
    axes.clear();
  }
}

void insert_axis(std::optional<int64_t> at, std::vector<int>& axes) {
  const auto d = dimension(at, axes.size() + 1);
  if (d && !axes.empty()) {
    axes.insert(axes.begin() + static_cast<std::ptrdiff_t>(*d), -1);
  } else {
    axes.clear();
  }
}

bool keeps_axes(std::string_view kind) {
  for (const std::string_view name :
       {"aten::detach",
        "aten::alias",
        "aten::contiguous",
        "aten::clone",
        "aten::to",
        "aten::_to_copy",
        "aten::lift_fresh",
        "aten::lift_fresh_copy",
        "aten::type_as",
        "aten::float",
        "aten::half",
        "aten::double",
        "aten::bfloat16",
        "aten::cpu",
        "aten::cuda",
        "aten::slice",
        "aten::narrow",
        "aten::chunk",
        "aten::split",
        "aten::split_with_sizes",
        "aten::tensor_split",
        "aten::cat",
        "aten::concat",
        "aten::roll",
        "aten::flip",
        "aten::tril",
        "aten::triu",
        "aten::requires_grad_",
        "aten::_unwrap_optional",
        "aten::copy_",
        "prim::data",
        "prim::unchecked_cast",
        "prim::unchecked_unwrap_optional",
        "aten::list",
        "aten::values",
        "aten::get"}) {
    if (kind == name) {
      return true;
    }
  }
  return false;
}

void move_axes(
    std::string_view kind,
    const Arguments& arguments,
    std::vector<int>& axes) {
  if (keeps_axes(kind) || axes.empty()) {
    return;
  }
  if (kind == "aten::t" || kind == "aten::numpy_T") {
    std::reverse(axes.begin(), axes.end());
  } else if (kind == "aten::mT" || kind == "aten::adjoint") {
    swap_axes(-1, -2, axes);
  } else if (
      kind == "aten::transpose" || kind == "aten::swapaxes" ||
      kind == "aten::swapdims") {
    swap_axes(argument(arguments, 0), argument(arguments, 1), axes);
  } else if (kind == "aten::permute") {
    permute_axes(arguments, axes);
  } else if (kind == "aten::select" || kind == "aten::unbind") {
    erase_axis(argument(arguments, 0), axes);
  } else if (kind == "aten::unsqueeze") {
    insert_axis(argument(arguments, 0), axes);
  } else {
    axes.clear();
  }
}

} // namespace

FollowedValue FollowedValue::of(c10::IValue value) {
  FollowedValue followed;
  add_tensors(value, followed.origins);
  followed.known = std::move(value);
  return followed;
}

FollowedValue FollowedValue::input() {
  FollowedValue followed;
  followed.is_input = true;
  return followed;
}

void FollowedValue::add_origins(const std::vector<Origin>& more) {
  for (const auto& origin : more) {
    const bool is_there =
        std::any_of(origins.begin(), origins.end(), [&](const auto& other) {
          return is_same(origin, other);
        });
    if (!is_there && origins.size() < kMostOrigins) {
      origins.push_back(origin);
    }
  }
}

void FollowedValue::join(const FollowedValue& other) {
  const bool is_same_object = known && other.known && known->isObject() &&
      other.known->isObject() && known->toObject() == other.known->toObject();
  if (!is_same_object) {
    known.reset();
  }
  if (items && other.items && items->size() == other.items->size()) {
    items = std::make_shared<std::vector<FollowedValue>>(*items);
    for (size_t i = 0; i < items->size(); ++i) {
      (*items)[i].join((*other.items)[i]);
    }
  } else {
    items.reset();
  }
  add_origins(other.origins);
  is_input |= other.is_input;
}

std::optional<int64_t> FollowedValue::integer() const {
  return known && known->isInt() ? std::make_optional(known->toInt())
                                 : std::nullopt;
}

FollowedValue FollowedValue::item(size_t index) const {
  return item(of(static_cast<int64_t>(index)));
}

FollowedValue FollowedValue::item(const FollowedValue& key) const {
  const auto at = key.integer();
  if (items) {
    if (const auto i = dimension(at, items->size())) {
      return (*items)[*i];
    }
  } else if (known && known->isList()) {
    if (const auto i = dimension(at, known->toListRef().size())) {
      return of(known->toListRef()[*i]);
    }
  } else if (known && known->isTuple()) {
    const auto& elements = known->toTupleRef().elements();
    if (const auto i = dimension(at, elements.size())) {
      return of(elements[*i]);
    }
  } else if (known && known->isGenericDict() && key.known) {
    const auto dict = known->toGenericDict();
    if (const auto found = dict.find(*key.known); found != dict.end()) {
      return of(found->value());
    }
  }
  FollowedValue any;
  any.add_origins(origins);
  any.is_input = is_input;
  return any;
}

FollowedValue view_of(
    const torch::jit::Node& node,
    const FollowedValue& value,
    const Arguments& arguments) {
  FollowedValue result;
  result.is_input = value.is_input;
  result.add_origins(value.origins);
  for (auto& origin : result.origins) {
    move_axes(node.kind().toQualString(), arguments, origin.axes);
  }
  return result;
}

} // namespace coppice::graph
