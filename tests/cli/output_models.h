#pragma once

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/child.h"
#include "coppice/io/safetensors.h"
#include "coppice/model/torch_tensors.h"

namespace coppice::cli {

inline constexpr const char* kIndex = "model.safetensors.index.json";

inline StateDict state_of(const std::string& name) {
  StateDict state;
  state.tensors = {as_stored(name + ".weight", torch::randn({64, 48}))};
  return state;
}

/// The files under a folder and their bytes; for links, their targets.
inline std::map<std::string, std::string> contents(const std::string& folder) {
  std::map<std::string, std::string> found;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder)) {
    const auto path = entry.path().string();
    found[path] = entry.is_symlink()
        ? "-> " + std::filesystem::read_symlink(path).string()
        : entry.is_directory() ? "/"
                               : read_file(path);
  }
  return found;
}

/// A sharded model `m`, the same in the layout of a download cache (`snapshot`
/// with links to `blobs`), and a single file.
class OutputModels : public ::testing::Test {
 protected:
  OutputModels() {
    torch::manual_seed(1);
    for (const std::string name : {"m", "blobs", "snapshot", "m/sub"}) {
      std::filesystem::create_directory(file(name));
    }
    for (const std::string name : {"a", "b"}) {
      save_safetensors(file("m/" + name + ".safetensors"), state_of(name));
    }
    folder_.write(
        std::string("m/") + kIndex,
        R"({"weight_map":{"a.weight":"a.safetensors",)"
        R"("b.weight":"b.safetensors"}})");
    for (const auto* name : {"a.safetensors", "b.safetensors", kIndex}) {
      std::filesystem::copy_file(
          file("m/") + name, file("blobs/") + std::string("0") + name);
      std::filesystem::create_symlink(
          std::string("../blobs/0") + name, file("snapshot/") + name);
    }
    save_safetensors(file("one"), state_of("one"));
  }

  std::string file(const std::string& name) const {
    return folder_.file(name);
  }

  /// Checks that the command fails with exit code 1 and no file changes.
  void expect_refused(
      std::vector<std::string> arguments,
      const std::string& part) const {
    const auto before = contents(folder_.path());
    expect_complaint(run_coppice(arguments), 1, part);
    EXPECT_EQ(contents(folder_.path()), before) << arguments.back();
  }

  void expect_prune_refused(
      const std::string& model,
      const std::string& output,
      const std::string& part) const {
    expect_refused({"prune", model, "--sparsity", "0.5", "-o", output}, part);
  }

  TemporaryFolder folder_;
};

} // namespace coppice::cli
