#pragma once

#include <torch/serialize.h>
#include <torch/types.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "support/reference_python.h"

namespace coppice::testing {

using coppice::has_reference;
using coppice::kNoReference;
inline constexpr const char* kReferencePython = coppice::kPython;

/// Runs `script`, a path under tests/, with `given` and returns its result. The
/// script gets two paths: one to `torch.load`, and one to `torch.save` a
/// dictionary of tensors to.
inline c10::impl::GenericDict run_reference(
    const std::string& script,
    const c10::impl::GenericDict& given) {
  namespace fs = std::filesystem;
  const auto folder = fs::temp_directory_path() /
      ("coppice_reference_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const auto bytes = torch::pickle_save(given);
  std::ofstream(folder / "in.pt", std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  const std::string command = std::string(kReferencePython) + " '" +
      COPPICE_TESTS "/" + script + "' '" + (folder / "in.pt").string() + "' '" +
      (folder / "out.pt").string() + "'";
  if (std::system(command.c_str()) != 0) {
    fs::remove_all(folder);
    throw std::runtime_error("failed: " + command);
  }
  std::ifstream file(folder / "out.pt", std::ios::binary);
  auto out = torch::pickle_load(
      {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
  fs::remove_all(folder);
  return out.toGenericDict();
}

} // namespace coppice::testing
