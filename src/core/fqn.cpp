#include "core/fqn.h"

#include <algorithm>
#include <numeric>

namespace coppice {
namespace {

/// The Levenshtein distance, one row of the table at a time.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row[b.size()];
}

} // namespace

SplitFqn split_fqn(std::string_view tensor_fqn) {
  const auto dot = tensor_fqn.rfind('.');
  if (dot == std::string_view::npos) {
    return {"", std::string(tensor_fqn)};
  }
  return {
      std::string(tensor_fqn.substr(0, dot)),
      std::string(tensor_fqn.substr(dot + 1))};
}

std::string join_fqn(std::string_view module_fqn, std::string_view name) {
  std::string joined(module_fqn);
  if (!joined.empty()) {
    joined += '.';
  }
  return joined.append(name);
}

std::vector<std::string> fqn_parts(std::string_view fqn) {
  std::vector<std::string> parts(1);
  for (const char c : fqn) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string nearest_name(
    std::string_view name,
    const std::vector<std::string>& candidates) {
  const auto nearest = std::min_element(
      candidates.begin(),
      candidates.end(),
      [&](const std::string& a, const std::string& b) {
        return edit_distance(name, a) < edit_distance(name, b);
      });
  return nearest == candidates.end() ? std::string() : *nearest;
}

/// Backtracks only to the last `*`: it can match whatever an earlier one could.
bool matches_glob(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t after_star = std::string_view::npos;
  size_t retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      retry = n;
    } else if (
        p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (after_star != std::string_view::npos) {
      p = after_star;
      n = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

} // namespace coppice
