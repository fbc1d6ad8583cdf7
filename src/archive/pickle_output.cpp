#include "archive/pickle_output.h"

#include <limits>
#include <stdexcept>

namespace coppice::archive {

void PickleOutput::put_index(char small, char large, uint32_t index) {
  if (index < 256) {
    put_number(small);
    put_number(static_cast<uint8_t>(index));
  } else {
    put_number(large);
    put_number(index);
  }
}

void PickleOutput::put_text(const std::string& text) {
  if (recall(texts_, text)) {
    return;
  }
  if (text.size() > std::numeric_limits<uint32_t>::max()) {
    throw std::invalid_argument("holds a string of more than 4 GB");
  }
  put("X");
  put_number(static_cast<uint32_t>(text.size()));
  put(text);
  remember(texts_, text);
}

void PickleOutput::put_class(const std::string& name) {
  if (!recall(classes_, name)) {
    put("c");
    put(name);
    put("\n");
    remember(classes_, name);
  }
}

void PickleOutput::put_integer(int64_t number) {
  if (number >= 0 && number < 256) {
    put("K");
    put_number(static_cast<uint8_t>(number));
  } else if (number == static_cast<int32_t>(number)) {
    put("J");
    put_number(static_cast<int32_t>(number));
  } else {
    put("\x8a\x08");
    put_number(number);
  }
}

void PickleOutput::put_float(double number) {
  uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof bits);
  put("G");
  put_number(__builtin_bswap64(bits));
}

void PickleOutput::put_big_integer(const std::string& bytes) {
  if (bytes.size() > std::numeric_limits<int32_t>::max()) {
    throw std::invalid_argument("holds an integer of more than 2 GB");
  }
  put("\x8b");
  put_number(static_cast<int32_t>(bytes.size()));
  put(bytes);
}

void PickleOutput::put_bytes(const PickleBytes& bytes) {
  // Protocol 2 has no bytes: they are stored as Latin-1 text.
  std::string text;
  for (const char c : bytes.bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      text += static_cast<char>(0xc0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3f));
    } else {
      text += c;
    }
  }
  if (bytes.is_array) {
    put_class("__builtin__\nbytearray");
  }
  put_class("_codecs\nencode");
  put_text(text);
  put_text("latin1");
  put("\x86R");
  if (bytes.is_array) {
    put("\x85R");
  }
}

void PickleOutput::put_sizes(const std::vector<int64_t>& sizes) {
  put("(");
  for (const int64_t size : sizes) {
    put_integer(size);
  }
  put("t");
}

} // namespace coppice::archive
