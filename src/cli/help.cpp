#include "cli/help.h"

#include <sstream>
#include <utility>

namespace coppice::cli {
namespace {

constexpr size_t kColumn = 26; ///< Where descriptions begin.
constexpr size_t kWidth = 80;

/// The value's name: "N" of the parser's "N:INT in [1 - 4096]".
std::string type_of(const CLI::Option& option) {
  auto type = option.get_type_name();
  for (const auto* check : {":INT in [", ":FLOAT in [", ":{"}) {
    type = type.substr(0, type.find(check));
  }
  return option.get_items_expected_max() > 0 ? type : "";
}

/// "-o, --output OUT".
std::string usage_of(const CLI::Option& option, bool is_positional) {
  std::string usage = option.get_name(is_positional, /*all_options=*/true);
  if (is_positional) {
    return usage;
  }
  if (const auto comma = usage.find(','); comma != std::string::npos) {
    usage.insert(comma + 1, " ");
  }
  if (const auto type = type_of(option); !type.empty()) {
    usage += " " + type;
  }
  const bool takes_many =
      option.get_items_expected_max() > 1 && option.get_allow_extra_args();
  return takes_many ? usage + "..." : usage;
}

std::string description_of(const CLI::Option& option, bool is_positional) {
  auto text = option.get_description();
  if (!option.get_default_str().empty()) {
    text += " (default: " + option.get_default_str() + ")";
  }
  if (option.get_required() && !is_positional) {
    text += " (required)";
  }
  return text;
}

/// CLI11 from 2.5 on pads the lines that it breaks with a blank.
std::string without_trailing_blanks(const std::string& text) {
  std::string trimmed;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line.erase(line.find_last_not_of(' ') + 1);
    trimmed += line + '\n';
  }
  return trimmed;
}

} // namespace

std::string HelpFormatter::make_help(
    const CLI::App* app,
    std::string name,
    CLI::AppFormatMode mode) const {
  return without_trailing_blanks(
      CLI::Formatter::make_help(app, std::move(name), mode));
}

std::string HelpFormatter::make_option(
    const CLI::Option* option,
    bool is_positional) const {
  std::string help = "  " + usage_of(*option, is_positional);
  size_t at = help.size();
  const auto go_to_column = [&] {
    help.append(kColumn - at, ' ');
    at = kColumn;
  };
  if (at + 2 > kColumn) {
    help += '\n';
    at = 0;
  }
  go_to_column();
  std::istringstream words(description_of(*option, is_positional));
  for (std::string word; words >> word;) {
    if (at > kColumn && at + 1 + word.size() > kWidth) {
      help += '\n';
      at = 0;
      go_to_column();
    }
    const std::string gap = at > kColumn ? " " : "";
    help += gap + word;
    at += gap.size() + word.size();
  }
  return help + '\n';
}

} // namespace coppice::cli
