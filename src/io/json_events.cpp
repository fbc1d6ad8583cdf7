#include "io/json_events.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace coppice::io {
namespace {

using nlohmann::json;

/// Adapts the SAX interface of the parser.
class Adapter : public json::json_sax_t {
 public:
  explicit Adapter(JsonEvents& events) : events_(events) {}

  bool null() override {
    return events_.other("null");
  }
  bool boolean(bool value) override {
    return events_.other(value ? "true" : "false");
  }
  bool number_integer(number_integer_t value) override {
    return events_.other(std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return events_.number(value);
  }
  bool number_float(number_float_t, const string_t& text) override {
    return events_.other(text);
  }
  bool string(string_t& value) override {
    return events_.text(value);
  }
  bool binary(binary_t&) override {
    return false; // JSON has none.
  }
  bool start_object(size_t) override {
    return events_.start_object();
  }
  bool key(string_t& name) override {
    return events_.key(name);
  }
  bool end_object() override {
    return events_.end_object();
  }
  bool start_array(size_t) override {
    return events_.start_array();
  }
  bool end_array() override {
    return events_.end_array();
  }
  bool parse_error(size_t place, const std::string&, const json::exception&)
      override {
    return events_.refuse(fmt::format("is not valid JSON at byte {}", place));
  }

 private:
  JsonEvents& events_;
};

/// The position where a number or a string gets implausibly long. The parser
/// would take seconds for 100 million digits or an unterminated string.
size_t find_overlong_token(std::string_view text) {
  constexpr size_t kMaxNumber = size_t(1) << 20;
  constexpr size_t kMaxString = size_t(16) << 20;
  size_t digits = 0;
  size_t unquoted = 0; // Since the last quotation mark.
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    unquoted = c == '"' ? 0 : unquoted + (c != ' ');
    if (digits > kMaxNumber || unquoted > kMaxString) {
      return i;
    }
  }
  return std::string_view::npos;
}

} // namespace

bool JsonEvents::start_object() {
  return unexpected("an object");
}
bool JsonEvents::end_object() {
  return unexpected("the end of an object");
}
bool JsonEvents::start_array() {
  return unexpected("an array");
}
bool JsonEvents::end_array() {
  return unexpected("the end of an array");
}
bool JsonEvents::key(std::string& name) {
  return unexpected("the key " + in_quotes(name));
}
bool JsonEvents::text(std::string& value) {
  return unexpected("the text " + in_quotes(value));
}
bool JsonEvents::number(uint64_t value) {
  return unexpected(std::to_string(value));
}
bool JsonEvents::other(std::string_view value) {
  return unexpected(value.substr(0, 40));
}

bool JsonEvents::refuse(std::string problem) {
  problem_ = std::move(problem);
  return false;
}

bool JsonEvents::unexpected(std::string_view what) {
  return refuse(fmt::format("holds {} where none is allowed", what));
}

std::string read_json(std::string_view text, JsonEvents& events) {
  // The parser treats NUL as the end and skips a byte order mark.
  const auto nul = text.find('\0');
  if (nul != std::string_view::npos) {
    return fmt::format("is not valid JSON at byte {}", nul + 1);
  }
  if (text.substr(0, 3) == "\xef\xbb\xbf") {
    return "starts with a byte order mark";
  }
  // Padding may be long, and the parser reads it byte by byte.
  const auto last = text.find_last_not_of(" \t\r\n");
  text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
  const auto overlong = find_overlong_token(text);
  if (overlong != std::string_view::npos) {
    return fmt::format("holds an overlong value before byte {}", overlong);
  }
  Adapter adapter(events);
  if (json::sax_parse(text.begin(), text.end(), &adapter)) {
    return "";
  }
  return events.problem();
}

std::string in_quotes(std::string_view name) {
  constexpr size_t kMaxLength = 80;
  std::string result = "`";
  for (const char c : name.substr(0, kMaxLength)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return result + (name.size() > kMaxLength ? "..." : "") + "`";
}

std::string json_text(std::string_view text) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    throw std::invalid_argument("not UTF-8");
  }
}

} // namespace coppice::io
