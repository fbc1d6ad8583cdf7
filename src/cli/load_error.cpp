#include "cli/load_error.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <torch/version.h>

#include <regex>
#include <set>

#include "graph/run_error.h"

namespace coppice::cli {
namespace {

/// Namespaces of LibTorch's ops.
const std::set<std::string> kOwn{
    "aten",
    "prim",
    "prims",
    "quantized",
    "prepacked",
    "mkldnn",
    "static_runtime"};

std::string missing_op(const std::string& op) {
  if (kOwn.count(op.substr(0, op.find(':'))) > 0) {
    return fmt::format(
        "it calls `{}`, which LibTorch {} does not have; use a newer one, or "
        "save the model with an older PyTorch",
        op,
        TORCH_VERSION);
  }
  return fmt::format(
      "it calls `{}`, an op of a library that is not loaded; give the library "
      "with --load LIBRARY",
      op);
}

std::string missing_class(const std::string& name) {
  return fmt::format(
      "it uses `{}`, a class of a library that is not loaded; give the library "
      "with --load LIBRARY",
      name);
}

std::string newer_format(const std::string& its, const std::string& known) {
  return fmt::format(
      "it was written by a newer PyTorch, in version {} of the format, and "
      "LibTorch {} reads up to version {}; use a newer one, or save the model "
      "with an older PyTorch",
      its,
      TORCH_VERSION,
      known);
}

} // namespace

std::string load_error(const std::exception& error) {
  static const std::regex op(R"re(Unknown builtin op: ([\w.]+::[\w.]*\w))re");
  static const std::regex type(R"re(__torch__\.torch\.classes\.([\w.]*\w))re");
  static const std::regex instance(
      R"re(Tried to instantiate class '([^']*)')re");
  static const std::regex version(
      R"re(with version (\d+), but the maximum supported version for reading is (\d+))re");
  const auto* const torch_error = dynamic_cast<const c10::Error*>(&error);
  const std::string text =
      torch_error ? torch_error->what_without_backtrace() : error.what();
  const auto head =
      text.substr(0, 2000); // std::regex recurses with the length of the text.
  std::smatch found;
  if (std::regex_search(head, found, op)) {
    return missing_op(found[1]);
  }
  if (std::regex_search(head, found, version)) {
    return newer_format(found[1], found[2]);
  }
  const bool lacks_type = head.find("nknown type") != std::string::npos ||
      head.find("find class") != std::string::npos ||
      head.find("find type") != std::string::npos;
  if ((lacks_type && std::regex_search(head, found, type)) ||
      std::regex_search(head, found, instance)) {
    return missing_class(found[1]);
  }
  return graph::first_line(error);
}

} // namespace coppice::cli
