#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coppice::io {

/// What a JSON text holds, event by event, so that a reader keeps only what it
/// knows and a hostile text costs no memory. All is refused but what a subclass
/// takes; a function returns false to end the reading.
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
  /// The name of the next member; objects may hold one twice.
  virtual bool key(std::string& name);
  virtual bool text(std::string& value);
  virtual bool number(uint64_t value);
  /// A negative or fractional number, true, false or null, as `value`.
  virtual bool other(std::string_view value);

  /// Ends the reading: what is wrong, after "FILE: its header ".
  bool refuse(std::string problem);
  const std::string& problem() const {
    return problem_;
  }

 private:
  bool unexpected(std::string_view what);

  std::string problem_;
};

/// Reads a JSON text in UTF-8, strictly. Returns what is wrong with it, empty
/// if nothing is.
std::string read_json(std::string_view text, JsonEvents& events);

/// A name for a message: between quotation marks, what cannot be printed
/// escaped, cut where it is long.
std::string in_quotes(std::string_view name);

/// A JSON string.
///
/// Errors: std::invalid_argument if `text` is no UTF-8.
std::string json_text(std::string_view text);

} // namespace coppice::io
