#include "cli/input_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "cli/errors.h"
#include "io/foreign_file.h"

namespace coppice::cli {

void require_input_file(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    throw InputError(fmt::format(
        "{} cannot be read ({}): name an existing file.",
        path,
        std::strerror(errno)));
  }
  io::require_no_folder(path);
  if (!S_ISREG(info.st_mode)) {
    throw InputError(fmt::format("{} is not a file: name a file.", path));
  }
}

} // namespace coppice::cli
