#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "coppice/io/sparse_checkpoint.h"
#include "support/sparse_states.h"

namespace coppice::sparse_python_test {
namespace {

using testing::random_tensor;
using testing::saved_checkpoint;

bool runs(const std::string& command) {
  return std::system(command.c_str()) == 0;
}

/// A Python that has numpy; empty if there is none.
std::string python() {
  for (const std::string name : {"python3", "/usr/bin/python3"}) {
    if (runs(name + " -c 'import numpy' 2>/dev/null")) {
      return name;
    }
  }
  return "";
}

TEST(PythonReader, ReadsWhatWasPacked) {
  const auto interpreter = python();
  if (interpreter.empty()) {
    GTEST_SKIP() << "no python3 with numpy is there";
  }
  const TemporaryFolder folder;
  std::mt19937_64 random(1);
  StateDict state;
  for (const auto dtype : {Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64}) {
    const std::string name(dtype_name(dtype));
    state.tensors.push_back(random_tensor(name, dtype, {7, 801}, 80, random));
    state.tensors.push_back(
        random_tensor(name + ".conv", dtype, {20, 8, 3, 3}, 80, random));
    state.tensors.push_back(
        random_tensor(name + ".dense", dtype, {7}, 0, random));
  }
  state.tensors.push_back(random_tensor("flag", Dtype::BOOL, {}, 100, random));
  state.tensors.push_back(random_tensor("none", Dtype::I64, {0}, 0, random));
  const auto input = saved_checkpoint(folder, "a", state);
  const std::string tests = COPPICE_TESTS;
  for (const bool keep_rows : {false, true}) {
    pack_checkpoint(input, folder.file("b"), {keep_rows});
    EXPECT_TRUE(runs(
        interpreter + " -B '" + tests + "/io/compare_packed.py' '" + tests +
        "/../python' " + folder.file("a") + " " + folder.file("b")));
  }
}

} // namespace
} // namespace coppice::sparse_python_test
