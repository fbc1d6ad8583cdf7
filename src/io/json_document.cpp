#include "io/json_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>

#include "coppice/archive/file_error.h"
#include "io/json_events.h"

namespace coppice::io {
namespace {

/// Bounds the recursion of callers.
constexpr size_t kMaxDepth = 500;

constexpr std::string_view kSpecials[] = {"-Infinity", "Infinity", "NaN"};

/// Quotes Python's NaN and infinities.
std::string with_quoted_specials(std::string_view text) {
  std::string quoted;
  bool in_text = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text && c == '\\' && i + 1 < text.size()) {
      quoted += c;
      quoted += text[++i];
      continue;
    }
    in_text ^= c == '"';
    const auto* special = std::end(kSpecials);
    if (!in_text && (c == '-' || c == 'I' || c == 'N')) {
      special = std::find_if(
          std::begin(kSpecials), std::end(kSpecials), [&](const auto& one) {
            return text.substr(i, one.size()) == one;
          });
    }
    if (special == std::end(kSpecials)) {
      quoted += c;
    } else {
      quoted += '"';
      quoted += *special;
      quoted += '"';
      i += special->size() - 1;
    }
  }
  return quoted;
}

bool has_specials(std::string_view text) {
  return text.find("NaN") != std::string_view::npos ||
      text.find("Infinity") != std::string_view::npos;
}

} // namespace

/// Appends the values of a text in order.
class JsonTreeEvents : public JsonEvents {
 public:
  explicit JsonTreeEvents(JsonDocument& document) : document_(document) {}

  bool start_object() override {
    return enter(JsonKind::Object);
  }
  bool end_object() override {
    return require_unique_keys() && leave();
  }
  bool start_array() override {
    return enter(JsonKind::Array);
  }
  bool end_array() override {
    return leave();
  }
  bool key(std::string& name) override {
    return add_text(name);
  }
  bool text(std::string& value) override {
    return add_text(value);
  }
  bool number(uint64_t value) override {
    constexpr auto kMax =
        static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    return value <= kMax ? add_integer(static_cast<int64_t>(value))
                         : add_real(static_cast<double>(value));
  }
  bool other(std::string_view value) override;

 private:
  JsonDocument::Value* add(JsonKind kind) {
    auto& values = document_.values_;
    if (values.size() == std::numeric_limits<uint32_t>::max()) {
      refuse("holds too many values");
      return nullptr;
    }
    auto& value = values.emplace_back();
    value.kind = kind;
    value.next = static_cast<uint32_t>(values.size());
    return &value;
  }

  bool add_integer(int64_t number, JsonKind kind = JsonKind::Integer) {
    auto* value = add(kind);
    if (value != nullptr) {
      value->integer = number;
    }
    return value != nullptr;
  }

  bool add_real(double number) {
    auto* value = add(JsonKind::Real);
    if (value != nullptr) {
      value->real = number;
    }
    return value != nullptr;
  }

  bool add_text(const std::string& text) {
    auto& texts = document_.texts_;
    if (text.size() > std::numeric_limits<uint32_t>::max() - texts.size()) {
      return refuse("holds more than 4 GB of strings");
    }
    auto* value = add(JsonKind::Text);
    if (value != nullptr) {
      value->text.begin = static_cast<uint32_t>(texts.size());
      value->text.size = static_cast<uint32_t>(text.size());
      texts += text;
    }
    return value != nullptr;
  }

  bool enter(JsonKind kind) {
    if (open_.size() == kMaxDepth) {
      return refuse(fmt::format("is nested deeper than {}", kMaxDepth));
    }
    open_.push_back(static_cast<uint32_t>(document_.values_.size()));
    return add(kind) != nullptr;
  }

  bool leave() {
    document_.values_[open_.back()].next =
        static_cast<uint32_t>(document_.values_.size());
    open_.pop_back();
    return true;
  }

  bool require_unique_keys();

  JsonDocument& document_;
  std::vector<uint32_t> open_; ///< The enclosing arrays and objects.
  std::vector<std::string_view> keys_;
};

bool JsonTreeEvents::other(std::string_view value) {
  if (value == "null") {
    return add(JsonKind::Null) != nullptr;
  }
  if (value == "true" || value == "false") {
    return add_integer(value == "true" ? 1 : 0, JsonKind::Truth);
  }
  const std::string text(value);
  if (text.find_first_of(".eE") == std::string::npos) {
    errno = 0;
    const long long number = std::strtoll(text.c_str(), nullptr, 10);
    if (errno == 0) {
      return add_integer(number);
    }
  }
  return add_real(std::strtod(text.c_str(), nullptr));
}

bool JsonTreeEvents::require_unique_keys() {
  const auto& values = document_.values_;
  keys_.clear();
  for (uint32_t at = open_.back() + 1; at < values.size();
       at = values[at + 1].next) {
    keys_.push_back(document_.text_of(values[at]));
  }
  std::sort(keys_.begin(), keys_.end());
  const auto twice = std::adjacent_find(keys_.begin(), keys_.end());
  return twice == keys_.end() ||
      refuse(fmt::format("holds {} twice", in_quotes(*twice)));
}

std::shared_ptr<const JsonDocument> JsonDocument::parse(
    std::string_view text,
    const std::string& where) {
  std::string copy;
  if (has_specials(text)) {
    copy = with_quoted_specials(text);
    text = copy;
  }
  auto document = std::make_shared<JsonDocument>();
  JsonTreeEvents events(*document);
  const auto problem = read_json(text, events);
  if (!problem.empty()) {
    throw FileError(
        fmt::format("{} {}; copy or save it again.", where, problem));
  }
  return document;
}

JsonKind JsonNode::kind() const {
  return document_ == nullptr ? JsonKind::None : document_->values_[at_].kind;
}

JsonNode::operator bool() const {
  return kind() != JsonKind::None && kind() != JsonKind::Null;
}

std::optional<bool> JsonNode::truth() const {
  return kind() == JsonKind::Truth
      ? std::make_optional(document_->values_[at_].integer != 0)
      : std::nullopt;
}

std::optional<int64_t> JsonNode::integer() const {
  return kind() == JsonKind::Integer
      ? std::make_optional(document_->values_[at_].integer)
      : std::nullopt;
}

std::optional<double> JsonNode::real() const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (const auto whole = integer()) {
    return static_cast<double>(*whole);
  }
  if (kind() == JsonKind::Real) {
    return document_->values_[at_].real;
  }
  const auto special = text();
  if (special == "NaN") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (special == "Infinity" || special == "-Infinity") {
    return special == "Infinity" ? kInfinity : -kInfinity;
  }
  return std::nullopt;
}

std::optional<std::string_view> JsonNode::text() const {
  return kind() == JsonKind::Text
      ? std::make_optional(document_->text_of(document_->values_[at_]))
      : std::nullopt;
}

std::string_view JsonNode::key() const {
  return key_ == 0 ? "" : document_->text_of(document_->values_[key_]);
}

JsonNode JsonNode::operator[](std::string_view key) const {
  if (kind() != JsonKind::Object) {
    return {};
  }
  const auto& values = document_->values_;
  for (uint32_t at = at_ + 1; at < values[at_].next; at = values[at + 1].next) {
    if (document_->text_of(values[at]) == key) {
      return {document_, at + 1, at};
    }
  }
  return {};
}

std::vector<JsonNode> JsonNode::items() const {
  std::vector<JsonNode> found;
  if (kind() != JsonKind::Array && kind() != JsonKind::Object) {
    return found;
  }
  const bool has_keys = kind() == JsonKind::Object;
  const auto& values = document_->values_;
  for (uint32_t at = at_ + 1; at < values[at_].next; at = values[at].next) {
    const uint32_t key = has_keys ? at++ : 0;
    found.push_back({document_, at, key});
  }
  return found;
}

} // namespace coppice::io
