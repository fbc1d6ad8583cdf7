// Models of ../shared/data, pruned and loaded back. Skipped without them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "coppice/io/sparse_checkpoint.h"
#include "coppice/masks/measure.h"
#include "coppice/model/torch_tensors.h"
#include "coppice/oneshot/prune_checkpoint.h"
#include "support/errors.h"
#include "support/reference.h"
#include "support/temporary_folder.h"

namespace coppice::real_files_test {
namespace {

namespace fs = std::filesystem;
using coppice::testing::message_of;
using ::testing::HasSubstr;

class RealFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(models_)) {
      GTEST_SKIP() << "there is no " << models_;
    }
  }

  std::string input(const std::string& name) const {
    return (models_ / name).string();
  }

  /// Prunes a model to `<name>` in the test's folder.
  PruneReport prune(const std::string& name, Scope scope = Scope::Tensor) {
    PruneModifier modifier;
    modifier.pattern = {0.8, {1, 1}, 1};
    modifier.scope = scope;
    return prune_checkpoint(
        open_checkpoint(input(name)), {modifier}, folder_.file(name));
  }

  fs::path models_ = fs::path(COPPICE_SHARED) / "data/models";
  TemporaryFolder folder_;
};

const std::vector<std::string> kModels = {
    "dqn_CartPole-v1.ts.pt",
    "dscnn_kws12.pth",
    "dscnn_kws12.ts.pt",
    "fashion_conv_robust.pth",
    "lenet_mnist_99.pth",
    "mnist_6_200_nat.pth",
    "mnist_6_200_nat.ts.pt",
    "mnist_conv_robust.pth",
    "ppo_cartpole.pth",
    "reddit_bytelstm.pt",
    "resnet20-12fca82f.th",
    "resnet20_cifar10.safetensors",
    "resnet20_cifar10.ts.pt",
    "silero_vad.jit",
    "silero_vad_16k.safetensors",
    "stories260K.safetensors",
    "stories260K.ts.pt",
    "stories260K_tied.ts.pt",
};

TEST_F(RealFiles, ArePrunedAndNothingElseChanges) {
  for (const auto& name : kModels) {
    const auto report = prune(name);
    EXPECT_TRUE(report.reached) << name;
    const auto before = open_checkpoint(input(name));
    const auto after = open_checkpoint(folder_.file(name));
    ASSERT_EQ(before.state.tensors.size(), after.state.tensors.size()) << name;
    for (size_t i = 0; i < before.state.tensors.size(); ++i) {
      const auto& stored = before.state.tensors[i];
      if (!scalar_type_of(stored.dtype)) {
        continue;
      }
      const auto old_values = as_tensor(stored);
      const auto new_values = as_tensor(after.state.tensors[i]);
      if (report.tensors[i].left_because.empty()) {
        EXPECT_EQ(count_zeros(new_values), report.tensors[i].zeros_after);
        EXPECT_TRUE(new_values.eq(old_values)
                        .logical_or(new_values.eq(0))
                        .all()
                        .item<bool>())
            << name << " " << stored.name;
      } else if (report.tensors[i].left_because.rfind("pruned as", 0) != 0) {
        EXPECT_TRUE(new_values.equal(old_values)) << name << " " << stored.name;
      }
    }
  }
}

TEST_F(RealFiles, LoadInLibTorchAfterwards) {
  for (const auto& name : kModels) {
    if (name.find(".ts.pt") == std::string::npos) {
      continue;
    }
    prune(name, Scope::Global);
    const auto model = torch::jit::load(folder_.file(name));
    int64_t zeros = 0;
    for (const auto& parameter : model.parameters()) {
      zeros += count_zeros(parameter);
    }
    EXPECT_GT(zeros, 15000) << name;
  }
}

TEST_F(RealFiles, LoadInPythonAfterwards) {
  if (!coppice::testing::has_reference()) {
    GTEST_SKIP() << coppice::testing::kNoReference;
  }
  std::string command = std::string(coppice::testing::kReferencePython) +
      " '" COPPICE_TESTS "/oneshot/load_pruned.py'";
  for (const auto& name : kModels) {
    if (name.find(".safetensors") == std::string::npos) {
      prune(name);
      command += " '" + input(name) + "' '" + folder_.file(name) + "'";
    }
  }
  EXPECT_EQ(std::system((command + " > /dev/null").c_str()), 0) << command;
}

TEST(OddTensors, LoadInPythonAfterwards) {
  if (!coppice::testing::has_reference()) {
    GTEST_SKIP() << coppice::testing::kNoReference;
  }
  const TemporaryFolder before;
  const TemporaryFolder after;
  const std::string python =
      std::string(coppice::testing::kReferencePython) + " '" COPPICE_TESTS;
  ASSERT_EQ(
      std::system((python + "/oneshot/make_odd_tensors.py' '" + before.path() +
                   "' 2> /dev/null")
                      .c_str()),
      0);
  std::string command = python + "/oneshot/load_pruned.py'";
  PruneModifier modifier;
  modifier.pattern = {0.8, {1, 1}, 1};
  ASSERT_GT(before.names().size(), 20);
  for (const auto& name : before.names()) {
    const auto input = open_checkpoint(before.file(name));
    const auto report = prune_checkpoint(input, {modifier}, after.file(name));
    const auto output = open_checkpoint(after.file(name));
    EXPECT_EQ(
        fs::file_size(before.file(name)), fs::file_size(after.file(name)));
    for (size_t i = 0; i < report.tensors.size(); ++i) {
      // Tensors reported as not pruned are unchanged.
      const auto& row = report.tensors[i];
      const auto& tensor = output.state.tensors[i];
      const bool is_left = !row.left_because.empty() &&
          row.left_because.rfind("pruned as", 0) != 0;
      if (is_left && tensor.is_contiguous()) {
        EXPECT_EQ(
            std::memcmp(
                tensor.data, input.state.tensors[i].data, tensor.nbytes()),
            0)
            << name << ": " << row.name;
      }
    }
    command += " '" + before.file(name) + "' '" + after.file(name) + "'";
  }
  EXPECT_EQ(std::system((command + " > /dev/null 2>&1").c_str()), 0) << command;
}

TEST_F(RealFiles, ComeBackFromPackBitForBit) {
  for (const auto& name : kModels) {
    prune(name);
    const auto packed = folder_.file("packed");
    pack_checkpoint(open_checkpoint(folder_.file(name)), packed);
    EXPECT_LT(
        fs::file_size(packed), 0.45 * fs::file_size(folder_.file(name)) + 65536)
        << name;
    unpack_checkpoint(open_checkpoint(packed), folder_.file("unpacked"));
    EXPECT_TRUE(
        read_file(folder_.file("unpacked")) == read_file(folder_.file(name)))
        << name;
  }
}

TEST_F(RealFiles, OfFrozenAndQuantizedModelsSayThatThereIsNothingToPrune) {
  for (const char* name :
       {"asl_frozen_xnnpack.ptl", "vit4mnist_dynquant.ptl", "java_demo.pt1"}) {
    EXPECT_THAT(message_of([&] { prune(name); }), HasSubstr("to prune"))
        << name;
    EXPECT_TRUE(folder_.names().empty());
  }
}

} // namespace
} // namespace coppice::real_files_test
