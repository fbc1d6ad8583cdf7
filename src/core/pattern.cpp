#include "coppice/core/pattern.h"

#include <c10/util/Exception.h>

#include <charconv>
#include <optional>

namespace coppice {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

/// The two positive numbers of "AxB", or nullopt.
std::optional<std::pair<int64_t, int64_t>> two_numbers(
    std::string_view text,
    char separator) {
  int64_t first = 0;
  int64_t second = 0;
  const char* const end = text.data() + text.size();
  const auto head = std::from_chars(text.data(), end, first);
  if (head.ec != std::errc() || head.ptr == end || *head.ptr != separator) {
    return std::nullopt;
  }
  const auto tail = std::from_chars(head.ptr + 1, end, second);
  if (tail.ec != std::errc() || tail.ptr != end || first < 1 || second < 1) {
    return std::nullopt;
  }
  return std::make_pair(first, second);
}

} // namespace

bool operator==(const BlockShape& a, const BlockShape& b) {
  return a.rows == b.rows && a.cols == b.cols;
}

bool operator!=(const BlockShape& a, const BlockShape& b) {
  return !(a == b);
}

bool operator==(const Nm& a, const Nm& b) {
  return a.n == b.n && a.m == b.m;
}

bool operator==(const Unstructured&, const Unstructured&) {
  return true;
}

std::string to_string(const Pattern& pattern) {
  return std::visit(
      Overloaded{
          [](const Unstructured&) { return std::string("unstructured"); },
          [](const BlockShape& block) {
            return std::to_string(block.rows) + "x" +
                std::to_string(block.cols);
          },
          [](const Nm& nm) {
            return std::to_string(nm.n) + ":" + std::to_string(nm.m);
          }},
      pattern);
}

Pattern parse_pattern(std::string_view text) {
  if (text == "unstructured") {
    return Unstructured{};
  }
  if (const auto block = two_numbers(text, 'x')) {
    return BlockShape{block->first, block->second};
  }
  const auto nm = two_numbers(text, ':');
  TORCH_CHECK_VALUE(
      nm && nm->first <= nm->second,
      "parse_pattern: expected `unstructured`, a block such as `1x4` or N:M "
      "such as `2:4` with N <= M, got `",
      text,
      "`");
  return Nm{nm->first, nm->second};
}

std::ostream& operator<<(std::ostream& stream, const BlockShape& shape) {
  return stream << '(' << shape.rows << ", " << shape.cols << ')';
}

} // namespace coppice
