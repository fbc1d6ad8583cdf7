#include "cli/sensitivity_file.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <filesystem>

#include "cli/errors.h"
#include "coppice/archive/mapped_file.h"
#include "io/foreign_file.h"

namespace coppice::cli {

oneshot::Sensitivity read_sensitivity(const std::string& path) {
  constexpr uint64_t kLongest = uint64_t(1) << 26;
  if (!std::filesystem::exists(path)) {
    throw InputError(fmt::format(
        "there is no file {}: --allocation is `uniform`, `erk`, `global`, "
        "`owl` or a file of `coppice analyze`.",
        path));
  }
  const auto file = MappedFile::open(path);
  io::require_no_placeholder(*file);
  if (file->size() > kLongest) {
    throw InputError(
        fmt::format("{} is too large for a file of `coppice analyze`.", path));
  }
  try {
    return oneshot::sensitivity_from_json(file->text());
  } catch (const c10::ValueError& error) {
    throw InputError(
        fmt::format("{}: {}.", path, error.what_without_backtrace()));
  }
}

} // namespace coppice::cli
