#include "cli/libraries.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

#include "cli/errors.h"
#include "cli/input_file.h"
#include "graph/run_error.h"

namespace coppice::cli {
namespace {

/// The system's reason without the name of the library and of C++ symbols.
std::string reason_of(std::string text, const std::string& path) {
  if (text.find("undefined symbol") != std::string::npos) {
    return "it was built for another LibTorch, or for one with Python; build "
           "it for the LibTorch that `coppice --version` names";
  }
  if (const auto at = text.rfind(path + ": "); at != std::string::npos) {
    text.erase(0, at + path.size() + 2);
  }
  return text + "; give a shared library for this machine";
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw InputError(fmt::format("--load {}: cannot be loaded: {}.", path, why));
}

void load_library(const std::string& path) {
  // Without a slash it would be looked for elsewhere.
  const auto whole = std::filesystem::absolute(path).string();
  const bool is_here = std::filesystem::exists(whole);
  if (is_here) {
    require_input_file(path);
  }
  const auto& name = is_here ? whole : path;
  try {
    if (dlopen(name.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
      refuse(path, reason_of(dlerror(), name));
    }
  } catch (const InputError&) {
    throw;
  } catch (const std::exception& error) { // What it registers is refused.
    refuse(path, graph::first_line(error));
  }
}

} // namespace

void add_load_option(CLI::App& command, std::vector<std::string>& libraries) {
  command
      .add_option(
          "--load",
          libraries,
          "A shared library with ops or classes that the model uses; may be "
          "given often")
      ->type_name("LIBRARY")
      ->allow_extra_args(false);
}

void load_libraries(const std::vector<std::string>& libraries) {
  for (const auto& path : libraries) {
    load_library(path);
  }
}

} // namespace coppice::cli
