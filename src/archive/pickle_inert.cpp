// PickleMaker: inert objects for classes and functions that are not on the
// allowlist.

#include <fmt/format.h>

#include <algorithm>

#include "archive/pickle_maker.h"

namespace coppice::archive {
namespace {

bool is_foreign(const PickleValue& value) {
  const auto* type = value.get_if<PickleClass>();
  return value.get_if<PickleInert>() || (type && type->is_foreign);
}

bool is_class(const PickleClass& type, const char* module, const char* name) {
  return type.module == module && type.name == name;
}

bool is_text(const PickleItems& arguments, size_t i, std::string_view text) {
  const auto* held =
      i < arguments.size() ? arguments[i].get_if<std::string>() : nullptr;
  return held && *held == text;
}

} // namespace

PickleValue PickleMaker::foreign_name(PickleClass type) {
  charge(type.module.size() + type.name.size());
  return names_->add(std::move(type));
}

PickleValue PickleMaker::extension(uint64_t code) {
  return foreign_name({"copyreg", fmt::format("extension_{}", code)});
}

bool PickleMaker::makes_data(
    Constructor constructor,
    const PickleItems& arguments) {
  if (constructor == Constructor::None) {
    return false;
  }
  if (constructor == Constructor::DefaultDict) {
    return arguments.empty() || arguments[0].is_none() ||
        arguments[0].get_if<PickleClass>();
  }
  if (constructor == Constructor::FromType) {
    return arguments.empty() || !arguments[0].get_if<PickleInert>();
  }
  if (std::any_of(arguments.begin(), arguments.end(), is_foreign)) {
    return false;
  }
  if (constructor == Constructor::EncodeText) {
    return arguments.size() < 2 || is_text(arguments, 1, "latin1") ||
        is_text(arguments, 1, "latin-1");
  }
  if (constructor == Constructor::NumpyScalar) {
    return arguments.size() < 2 || arguments[1].get_if<PickleBytes>();
  }
  if (constructor == Constructor::Layout) {
    return is_text(arguments, 0, "torch.sparse_coo") ||
        is_text(arguments, 0, "torch.strided");
  }
  return true;
}

PickleValue PickleMaker::attribute_of_class(const PickleItems& arguments) {
  const auto& owner = argument<PickleClass>(arguments, 0);
  const auto& attribute = argument<std::string>(arguments, 1);
  return find_class(owner.module, owner.name + "." + attribute);
}

PickleValue PickleMaker::make_inert(
    const PickleValue& type,
    const PickleValue& arguments,
    const PickleValue& keywords) {
  const auto& items = arguments_in(arguments);
  PickleInert inert;
  inert.maker = type;
  const auto* name = type.get_if<PickleClass>();
  if (name && !name->is_foreign &&
      constructor_of(*name, false) == Constructor::None) {
    inert.maker = foreign_name(*name); // Not plain data: to be reported.
    name = inert.maker.get_if<PickleClass>();
  }
  // Protocols below 4: the name of an enum member or a nested class.
  if (name && is_class(*name, "builtins", "getattr") && items.size() == 2 &&
      items[0].get_if<PickleClass>() && items[1].get_if<std::string>()) {
    names_->count_lookup(inert.maker);
    return attribute_of_class(items);
  }
  names_->count_call(inert.maker);
  // Protocols below 2: an object as its class, its built-in base class and the
  // value of that.
  if (name && is_class(*name, "copyreg", "_reconstructor") &&
      items.size() == 3 && is_foreign(items[0])) {
    inert.maker = items[0];
    names_->count_call(inert.maker);
    if (const auto* dict = items[2].get_if<PickleDict>()) {
      charge(dict->items.size() * sizeof(dict->items[0]));
      inert.entries = dict->items;
    } else if (const auto* held = items_of(items[2])) {
      charge(held->size() * sizeof(PickleValue));
      inert.items = *held;
    }
    return inert;
  }
  inert.arguments = arguments;
  inert.keywords = keywords;
  return inert;
}

} // namespace coppice::archive
