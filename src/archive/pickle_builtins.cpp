// PickleMaker: everything but tensors.

#include <fmt/format.h>

#include "archive/pickle_maker.h"

namespace coppice::archive {
namespace {

/// Decodes UTF-8 to Latin-1, protocol 2's form of bytes; false if a character
/// is not Latin-1.
bool bytes_of_latin1(std::string_view text, std::string& bytes) {
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80) {
      if (byte > 0xc3 || ++i == text.size()) {
        return false;
      }
      byte = static_cast<unsigned char>(byte << 6 | (text[i] & 0x3f));
    }
    bytes += static_cast<char>(byte);
  }
  return true;
}

} // namespace

const PickleItems* items_of(const PickleValue& value) {
  if (const auto* list = value.get_if<PickleList>()) {
    return &list->items;
  }
  if (const auto* tuple = value.get_if<PickleTuple>()) {
    return &tuple->items;
  }
  return nullptr;
}

PickleValue PickleMaker::make_ordered(const PickleItems& arguments) {
  PickleDict dict;
  dict.kind = PickleDict::Kind::Ordered;
  if (arguments.empty()) {
    return dict;
  }
  // Python 2 wrote a list of pairs.
  const auto* pairs = items_of(arguments[0]);
  if (!pairs) {
    fail_argument(arguments, 0);
  }
  charge(pairs->size() * sizeof(PickleValue) * 2);
  for (const auto& pair : *pairs) {
    const auto* parts = items_of(pair);
    if (!parts || parts->size() != 2) {
      fail("constructs an OrderedDict from something other than pairs");
    }
    dict.items.emplace_back((*parts)[0], (*parts)[1]);
  }
  return dict;
}

PickleValue PickleMaker::make_default(const PickleItems& arguments) {
  PickleDict dict;
  dict.kind = PickleDict::Kind::Default;
  if (!arguments.empty() && !arguments[0].is_none()) {
    const auto& factory = argument<PickleClass>(arguments, 0);
    dict.factory = factory.module + "." + factory.name;
  }
  return dict;
}

PickleValue PickleMaker::make_set(const PickleItems& arguments, bool frozen) {
  PickleSet set;
  set.frozen = frozen;
  if (!arguments.empty()) {
    const auto* items = items_of(arguments[0]);
    if (!items) {
      fail_argument(arguments, 0);
    }
    charge(items->size() * sizeof(PickleValue));
    set.items = *items;
  }
  return set;
}

PickleValue PickleMaker::make_complex(const PickleItems& arguments) {
  return std::complex<double>(
      argument<double>(arguments, 0), argument<double>(arguments, 1));
}

PickleValue PickleMaker::make_bytes(
    const PickleItems& arguments,
    bool is_array) {
  PickleBytes bytes;
  bytes.is_array = is_array;
  if (arguments.empty()) {
    return bytes;
  }
  if (const auto* given = arguments[0].get_if<PickleBytes>()) {
    charge(given->bytes.size());
    bytes.bytes = given->bytes;
    return bytes;
  }
  const auto& text = argument<std::string>(arguments, 0);
  if (arguments.size() > 1 && argument<std::string>(arguments, 1) != "latin1" &&
      argument<std::string>(arguments, 1) != "latin-1") {
    fail("encodes bytes in something other than Latin-1");
  }
  charge(text.size());
  if (!bytes_of_latin1(text, bytes.bytes)) {
    fail("encodes bytes in characters outside Latin-1");
  }
  return bytes;
}

PickleValue PickleMaker::make_device(const PickleItems& arguments) {
  const auto& type = argument<std::string>(arguments, 0);
  charge(type.size());
  if (arguments.size() < 2 || arguments[1].is_none()) {
    return PickleDevice{type};
  }
  return PickleDevice{
      fmt::format("{}:{}", type, argument<int64_t>(arguments, 1))};
}

} // namespace coppice::archive
