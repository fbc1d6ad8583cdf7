#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coppice::io {

/// The content of a JSON text as events (SAX), so that a reader keeps only what
/// it needs and a hostile text costs no memory. The defaults reject everything;
/// a function returns false to stop.
class JsonEvents {
 public:
  JsonEvents() = default;
  virtual ~JsonEvents() = default;
  JsonEvents(const JsonEvents&) = delete;
  JsonEvents& operator=(const JsonEvents&) = delete;

  virtual bool start_object();
  virtual bool end_object();
  virtual bool start_array();
  virtual bool end_array();
  /// The name of the next member. Names may repeat.
  virtual bool key(std::string& name);
  virtual bool text(std::string& value);
  virtual bool number(uint64_t value);
  /// A negative or fractional number, true, false or null, as `value`.
  virtual bool other(std::string_view value);

  /// Stops reading. `problem` follows "FILE: its header ".
  bool refuse(std::string problem);
  const std::string& problem() const {
    return problem_;
  }

 private:
  bool unexpected(std::string_view what);

  std::string problem_;
};

/// Parses UTF-8 JSON, strictly. Returns the problem, empty if there is none.
std::string read_json(std::string_view text, JsonEvents& events);

/// "`name`" for messages: control characters escaped, shortened if long.
std::string in_quotes(std::string_view name);

/// Encodes a JSON string.
///
/// Errors: std::invalid_argument if `text` is not UTF-8.
std::string json_text(std::string_view text);

} // namespace coppice::io
