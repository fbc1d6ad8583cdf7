#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/child.h"
#include "support/reference_python.h"

namespace coppice::cli {

/// Situations from public reports, rebuilt by the scripts of `../shared/cases`,
/// each test in its own folder. Skipped without them or Python.
class CaseFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::is_directory(kCases)) {
      GTEST_SKIP() << "there is no " << kCases;
    }
    if (!has_reference()) {
      GTEST_SKIP() << kNoReference;
    }
  }

  /// Runs `script`, which writes its files into the folder.
  void make(const std::string& script) const {
    run_python("'" + std::string(kCases) + "/" + script + "'");
  }

  /// The same for lines of Python with `torch`.
  void make_by(const std::string& lines) const {
    run_python("'" + folder_.write("lines.py", "import torch\n" + lines) + "'");
  }

  std::string file(const std::string& name) const {
    return folder_.file(name);
  }

  static constexpr const char* kCases = COPPICE_SHARED "/cases";

  TemporaryFolder folder_;
  std::string out_ = folder_.file("out");

 private:
  void run_python(const std::string& arguments) const {
    const auto command = "cd '" + folder_.path() + "' && PYTHONPATH='" +
        kCases + "' " + kPython + " -W ignore " + arguments + " > log 2>&1";
    if (std::system(command.c_str()) != 0) {
      throw std::runtime_error(command + ": " + read_file(file("log")));
    }
  }
};

/// The row of a JSON table in which `key` is `value`, or null.
inline nlohmann::json row_of(
    const nlohmann::json& rows,
    const std::string& key,
    const std::string& value) {
  for (const auto& row : rows) {
    if (row[key] == value) {
      return row;
    }
  }
  return nullptr;
}

} // namespace coppice::cli
