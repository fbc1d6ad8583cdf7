#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace coppice::testing {

/// The values of an attribute, `src="..."`, in order.
inline std::vector<std::string> attributes(
    const std::string& html,
    const std::string& name) {
  std::vector<std::string> values;
  const auto key = " " + name + "=\"";
  for (size_t at = html.find(key); at != std::string::npos;
       at = html.find(key, at)) {
    at += key.size();
    values.push_back(html.substr(at, html.find('"', at) - at));
  }
  return values;
}

/// Throws std::runtime_error unless every element ends where it should.
inline void require_balanced(const std::string& html) {
  std::vector<std::string> open;
  for (size_t at = html.find('<'); at != std::string::npos;
       at = html.find('<', at + 1)) {
    const bool closes = html.at(at + 1) == '/';
    const size_t begin = at + (closes ? 2 : 1);
    const auto name =
        html.substr(begin, html.find_first_of(" >\n", begin) - begin);
    if (name == "!DOCTYPE" || name == "meta" || name == "img") {
      continue;
    }
    if (!closes) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      throw std::runtime_error("</" + name + "> closes nothing");
    } else {
      open.pop_back();
    }
  }
  if (!open.empty()) {
    throw std::runtime_error("<" + open.back() + "> is not closed");
  }
}

/// RFC 4648.
inline std::string from_base64(const std::string& text) {
  const std::string digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.find('='))) {
    const size_t digit = digits.find(c);
    if (digit == std::string::npos) {
      throw std::runtime_error("not base64");
    }
    bits = bits << 6 | static_cast<unsigned>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 255);
    }
  }
  return bytes;
}

/// The file in a `data:` address of a PNG; throws if it is another.
inline std::string png_in(const std::string& address) {
  const std::string begin = "data:image/png;base64,";
  if (address.rfind(begin, 0) != 0) {
    throw std::runtime_error("not a PNG in the page: " + address);
  }
  return from_base64(address.substr(begin.size()));
}

} // namespace coppice::testing
