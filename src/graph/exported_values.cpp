#include "graph/exported_values.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/torch.h>

#include <array>
#include <optional>

#include "coppice/model/torch_tensors.h"
#include "io/exported_payload.h"

namespace coppice::graph {
namespace {

using torch::jit::Value;

constexpr std::array<c10::Layout, 8> kLayouts{
    c10::Layout::Strided, // "Unknown"
    c10::Layout::Sparse,
    c10::Layout::SparseCsr,
    c10::Layout::SparseCsc,
    c10::Layout::SparseBsr,
    c10::Layout::SparseBsc,
    c10::Layout::Mkldnn,
    c10::Layout::Strided};

constexpr std::array<c10::MemoryFormat, 5> kMemoryFormats{
    c10::MemoryFormat::Preserve, // "Unknown"
    c10::MemoryFormat::Contiguous,
    c10::MemoryFormat::ChannelsLast,
    c10::MemoryFormat::ChannelsLast3d,
    c10::MemoryFormat::Preserve};

template <class Array>
bool is_index(std::optional<int64_t> number, const Array& array) {
  return number && *number >= 0 && *number < static_cast<int64_t>(array.size());
}

} // namespace

Value* ExportedValues::named(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? unknown_(name) : found->second;
}

Value* ExportedValues::constant(const c10::IValue& value) {
  return graph_->insertConstant(value);
}

Value* ExportedValues::none() {
  return constant(c10::IValue());
}

/// A number, a truth or a text.
Value* ExportedValues::scalar_of(io::JsonNode value) {
  if (const auto truth = value.truth()) {
    return constant(*truth);
  }
  if (const auto whole = value.integer()) {
    return constant(*whole);
  }
  if (value.kind() == io::JsonKind::Real) {
    return constant(value.real().value());
  }
  if (const auto text = value.text()) {
    return constant(std::string(*text));
  }
  return none();
}

/// What a list may hold: scalars, {"name": "x"}, or unions of such.
Value* ExportedValues::item_of(io::JsonNode item) {
  if (item.kind() != io::JsonKind::Object) {
    return scalar_of(item);
  }
  const auto name = io::ExportedValue{"", item}.name();
  if (!name.empty()) {
    return named(name);
  }
  const auto members = item.items();
  return members.empty() ? none() : value_of({members[0].key(), members[0]});
}

std::vector<Value*> ExportedValues::items_of(io::JsonNode list) {
  std::vector<Value*> items;
  for (const auto& item : list.items()) {
    items.push_back(item_of(item));
  }
  return items;
}

Value* ExportedValues::list_of(io::JsonNode list, const c10::TypePtr& type) {
  auto* made = graph_->create(c10::prim::ListConstruct, items_of(list), 1);
  made->output()->setType(c10::ListType::create(type));
  return graph_->insertNode(made)->output();
}

Value* ExportedValues::enumerator_of(const io::ExportedValue& value) {
  const auto number = value.value.integer();
  if (value.kind == "as_scalar_type") {
    const auto dtype = number ? io::exported_dtype(*number) : std::nullopt;
    const auto type = dtype ? scalar_type_of(*dtype) : std::nullopt;
    return type ? constant(*type) : none();
  }
  if (value.kind == "as_layout" && is_index(number, kLayouts)) {
    return constant(kLayouts[static_cast<size_t>(*number)]);
  }
  if (value.kind == "as_memory_format" && is_index(number, kMemoryFormats)) {
    return constant(kMemoryFormats[static_cast<size_t>(*number)]);
  }
  // Models are loaded onto the CPU, wherever they were exported.
  return value.kind == "as_device" ? constant(c10::Device(c10::kCPU)) : none();
}

Value* ExportedValues::value_of(const io::ExportedValue& value) {
  if (const auto name = value.name(); !name.empty()) {
    return named(name);
  }
  const auto kind = value.kind;
  if (kind == "as_tensors") {
    return list_of(value.value, c10::TensorType::get());
  }
  if (kind == "as_optional_tensors") {
    return list_of(
        value.value, c10::OptionalType::create(c10::TensorType::get()));
  }
  if (kind == "as_ints" || kind == "as_sym_ints") {
    return list_of(value.value, c10::IntType::get());
  }
  if (kind == "as_floats" || kind == "as_sym_floats") {
    return list_of(value.value, c10::FloatType::get());
  }
  if (kind == "as_bools" || kind == "as_sym_bools") {
    return list_of(value.value, c10::BoolType::get());
  }
  if (kind == "as_strings") {
    return list_of(value.value, c10::StringType::get());
  }
  if (kind == "as_float") { // Also infinite, as text.
    const auto real = value.value.real();
    return real ? constant(*real) : none();
  }
  if (kind == "as_int" || kind == "as_bool" || kind == "as_string") {
    return scalar_of(value.value);
  }
  if (kind == "as_sym_int" || kind == "as_sym_bool" || kind == "as_sym_float" ||
      kind == "as_optional_tensor") {
    return item_of(value.value);
  }
  return enumerator_of(value);
}

} // namespace coppice::graph
