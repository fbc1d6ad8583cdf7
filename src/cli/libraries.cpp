#include "cli/libraries.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>

#include "cli/errors.h"
#include "cli/input_file.h"
#include "graph/run_error.h"

namespace coppice::cli {
namespace {

/// The system's reason, without the library's path and C++ symbols.
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

/// The library's registrations were refused.
std::string reason_of(const std::exception& error) {
  const auto text = graph::first_line(error);
  return text.find("TORCH_LIBRARY") != std::string::npos ||
          text.find("already registered") != std::string::npos
      ? "it registers what is registered already; give each library once"
      : text;
}

[[noreturn]] void refuse_library(
    const std::string& path,
    const std::string& why) {
  throw InputError(fmt::format("--load {}: cannot be loaded: {}.", path, why));
}

/// The library that is being loaded.
std::string& at_work() {
  static std::string path;
  return path;
}

/// An exception from a library's static initialisers, such as for a class that
/// is registered twice, cannot pass every system's loader: the program ends
/// here.
[[noreturn]] void end_with_sentence() {
  std::string why = "it failed during loading";
  try {
    if (const auto error = std::current_exception()) {
      std::rethrow_exception(error);
    }
  } catch (const std::exception& error) {
    why = reason_of(error);
  } catch (...) { // Of an unknown type.
  }
  std::cerr << fmt::format(
      "coppice: --load {}: cannot be loaded: {}.\n", at_work(), why);
  std::_Exit(kWrongInput);
}

/// Installs the terminate handler during loading.
class LoadingLibrary {
 public:
  explicit LoadingLibrary(const std::string& path)
      : before_(std::set_terminate(end_with_sentence)) {
    at_work() = path;
  }
  ~LoadingLibrary() {
    std::set_terminate(before_);
  }
  LoadingLibrary(const LoadingLibrary&) = delete;
  LoadingLibrary& operator=(const LoadingLibrary&) = delete;

 private:
  std::terminate_handler before_;
};

void load_library(const std::string& path) {
  // Without a slash, dlopen searches elsewhere.
  const auto whole = std::filesystem::absolute(path).string();
  const bool is_here = std::filesystem::exists(whole);
  if (is_here) {
    require_input_file(path);
  }
  const auto& name = is_here ? whole : path;
  const LoadingLibrary loading(path);
  // dlopen is declared not to throw, but static initialisers may: volatile
  // hides it from the compiler.
  void* (*volatile open)(const char*, int) = dlopen;
  void* library = nullptr;
  try {
    library = open(name.c_str(), RTLD_NOW | RTLD_GLOBAL);
  } catch (const std::exception& error) {
    refuse_library(path, reason_of(error));
  }
  if (library == nullptr) {
    refuse_library(path, reason_of(dlerror(), name));
  }
}

} // namespace

void add_load_option(CLI::App& command, std::vector<std::string>& libraries) {
  command
      .add_option(
          "--load",
          libraries,
          "A shared library with ops or classes that the model uses; may be "
          "given several times")
      ->type_name("LIBRARY")
      ->allow_extra_args(false);
}

void load_libraries(const std::vector<std::string>& libraries) {
  for (const auto& path : libraries) {
    load_library(path);
  }
}

} // namespace coppice::cli
