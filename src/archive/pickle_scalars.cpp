// PickleMachine: opcodes of numbers and text.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "archive/pickle_machine.h"
#include "archive/text_escapes.h"

namespace coppice::archive {

bool PickleMachine::step_number(unsigned char opcode) {
  switch (opcode) {
    case 'N': // NONE
      push({});
      return true;
    case 0x88: // NEWTRUE
    case 0x89: // NEWFALSE
      push(opcode == 0x88);
      return true;
    case 'I': // INT
    case 'L': // LONG
      push_text_integer();
      return true;
    case 'J': // BININT
      push(int64_t(input_.number<int32_t>()));
      return true;
    case 'K': // BININT1
      push(int64_t(input_.number<uint8_t>()));
      return true;
    case 'M': // BININT2
      push(int64_t(input_.number<uint16_t>()));
      return true;
    case 0x8a: // LONG1
      push_integer(input_.take(input_.number<uint8_t>()));
      return true;
    case 0x8b: { // LONG4
      const auto size = input_.number<int32_t>();
      if (size < 0) {
        input_.fail("holds an integer of a negative size");
      }
      push_integer(input_.take(static_cast<uint64_t>(size)));
      return true;
    }
    case 'F': // FLOAT
      push_text_float();
      return true;
    case 'G': { // BINFLOAT: big-endian
      const uint64_t bits = __builtin_bswap64(input_.number<uint64_t>());
      double number = 0;
      std::memcpy(&number, &bits, sizeof number);
      push(number);
      return true;
    }
    default:
      return false;
  }
}

bool PickleMachine::step_text(unsigned char opcode) {
  switch (opcode) {
    case 'V': // UNICODE
      push_escaped_text(input_.line());
      return true;
    case 'S': // STRING
      push_quoted_text(input_.line());
      return true;
    case 0x8c: // SHORT_BINUNICODE
      push_text(input_.take(input_.number<uint8_t>()));
      return true;
    case 'X': // BINUNICODE
      push_text(input_.take(input_.number<uint32_t>()));
      return true;
    case 0x8d: // BINUNICODE8
      push_text(input_.take(input_.number<uint64_t>()));
      return true;
    case 'U': // SHORT_BINSTRING
      push_legacy_text(input_.take(input_.number<uint8_t>()));
      return true;
    case 'T': // BINSTRING
      push_legacy_text(input_.take(input_.number<uint32_t>()));
      return true;
    case 'C': // SHORT_BINBYTES
      push(PickleBytes{std::string(input_.take(input_.number<uint8_t>()))});
      return true;
    case 'B': // BINBYTES
      push(PickleBytes{std::string(input_.take(input_.number<uint32_t>()))});
      return true;
    case 0x8e: // BINBYTES8
      push(PickleBytes{std::string(input_.take(input_.number<uint64_t>()))});
      return true;
    case 0x96: // BYTEARRAY8
      push(PickleBytes{
          std::string(input_.take(input_.number<uint64_t>())), true});
      return true;
    default:
      return false;
  }
}

void PickleMachine::push_integer(std::string_view bytes) {
  if (bytes.size() > sizeof(int64_t)) {
    push(PickleBigInt{std::string(bytes)});
    return;
  }
  const bool negative = !bytes.empty() && (bytes.back() & 0x80) != 0;
  int64_t number = negative ? -1 : 0;
  if (!bytes.empty()) {
    std::memcpy(&number, bytes.data(), bytes.size());
  }
  push(number);
}

void PickleMachine::push_text_integer() {
  auto text = input_.line();
  if (text == "00" || text == "01") { // Protocol 0's bools.
    push(text == "01");
    return;
  }
  if (!text.empty() && text.back() == 'L') {
    text.remove_suffix(1);
  }
  int64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) {
    input_.fail(fmt::format("holds the integer {}", quoted(text)));
  }
  push(number);
}

void PickleMachine::push_text_float() {
  const auto text = input_.line();
  double number = 0;
  const auto* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) {
    input_.fail(fmt::format("holds the float {}", quoted(text)));
  }
  push(number);
}

void PickleMachine::push_text(std::string_view text) {
  if (!is_utf8(text)) {
    input_.fail("holds text that is not UTF-8");
  }
  push(std::string(text));
}

void PickleMachine::push_legacy_text(std::string_view text) {
  // Python 2 had one type for text and bytes.
  if (is_utf8(text)) {
    push(std::string(text));
  } else {
    push(PickleBytes{std::string(text)});
  }
}

void PickleMachine::push_quoted_text(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) {
    line.remove_suffix(1);
  }
  if (line.size() < 2 || line.front() != line.back() ||
      (line.front() != '\'' && line.front() != '"')) {
    input_.fail("holds text without quotes");
  }
  const auto text = unescaped(line.substr(1, line.size() - 2));
  if (!text) {
    input_.fail("holds text with a broken escape");
  }
  push_legacy_text(*text);
}

void PickleMachine::push_escaped_text(std::string_view line) {
  if (line.find('\\') == std::string_view::npos) {
    push_text(line);
    return;
  }
  const auto text = unescaped_unicode(line);
  if (!text) {
    input_.fail("holds text with a broken escape");
  }
  push_text(*text);
}

uint64_t PickleMachine::text_index() {
  const auto text = input_.line();
  uint64_t index = 0;
  const auto* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, index);
  if (error != std::errc() || rest != end) {
    input_.fail(fmt::format("holds the memo index {}", quoted(text)));
  }
  return index;
}

} // namespace coppice::archive
