#include "cli/literals.h"

#include <charconv>
#include <optional>

namespace coppice::cli {
namespace {

template <typename Number>
std::optional<Number> number_in(const std::string& text) {
  Number number{};
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && at == end && !text.empty()
      ? std::optional(number)
      : std::nullopt;
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(' ');
  return begin == std::string::npos
      ? ""
      : text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

bool is_between(const std::string& text, char first, char last) {
  return text.size() >= 2 && text.front() == first && text.back() == last;
}

PickleValue list_of(const std::string& inside) {
  PickleList list;
  for (size_t begin = 0; begin < inside.size();) {
    const auto end = std::min(inside.find(',', begin), inside.size());
    list.items.push_back(
        literal_of(trimmed(inside.substr(begin, end - begin))));
    begin = end + 1;
  }
  return list;
}

} // namespace

PickleValue literal_of(const std::string& text) {
  if (text == "none" || text == "None") {
    return {};
  }
  if (text == "true" || text == "True" || text == "false" || text == "False") {
    return text == "true" || text == "True";
  }
  if (is_between(text, '"', '"') || is_between(text, '\'', '\'')) {
    return text.substr(1, text.size() - 2);
  }
  if (is_between(text, '[', ']')) {
    return list_of(trimmed(text.substr(1, text.size() - 2)));
  }
  if (const auto integer = number_in<int64_t>(text)) {
    return *integer;
  }
  if (const auto number = number_in<double>(text)) {
    return *number;
  }
  return text;
}

} // namespace coppice::cli
