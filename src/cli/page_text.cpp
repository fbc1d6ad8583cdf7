#include "cli/page_text.h"

#include <fmt/format.h>

#include <iterator>

namespace coppice::cli {

std::string time_text(double microseconds) {
  if (microseconds < 1e3) {
    return fmt::format("{:.1f} µs", microseconds);
  }
  return microseconds < 1e6 ? fmt::format("{:.2f} ms", microseconds / 1e3)
                            : fmt::format("{:.2f} s", microseconds / 1e6);
}

std::string times_text(double before, double after) {
  const double ratio = before / after;
  return fmt::format("{:.{}f}×", ratio, ratio < 10 ? 2 : ratio < 100 ? 1 : 0);
}

std::string short_bytes_text(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < std::size(kUnits); ++unit) {
    value /= 1000;
  }
  return fmt::format("{:.3g} {}", value, kUnits[unit]);
}

} // namespace coppice::cli
