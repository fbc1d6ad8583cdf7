// Files that the program never overwrites, under any name, and those that
// remain when it is killed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <torch/script.h>
#include <torch/serialize.h>

#include "cli/output_models.h"
#include "coppice/io/safetensors.h"
#include "coppice/io/sparse_checkpoint.h"
#include "coppice/model/torch_tensors.h"
#include "io/torch_file.h"
#include "support/killed_at_steps.h"

namespace coppice::cli::outputs_program_test {
namespace {

namespace fs = std::filesystem;
using OutputsProgram = OutputModels;
using ::testing::HasSubstr;
using testing::Killed;

TEST_F(OutputsProgram, AreNotTheFolderOfTheShards) {
  fs::create_symlink("m", file("door"));
  for (const std::string output : {"m", "m/.", "m/../m", "door/", "."}) {
    expect_prune_refused(
        file("m/") + kIndex, file(output), "contains the input");
  }
  for (const std::string output : {"snapshot", "blobs"}) {
    expect_prune_refused(
        file("snapshot/") + kIndex, file(output), "contains the input");
  }
}

TEST_F(OutputsProgram, AreNoShardAndNoIndex) {
  fs::create_hard_link(file("m/a.safetensors"), file("hard"));
  for (const std::string output :
       {"m/a.safetensors", "m/model.safetensors.index.json", "hard"}) {
    expect_refused(
        {"pack", file("m/") + kIndex, "-o", file(output)}, "the input itself");
  }
  for (const std::string output :
       {"blobs/0a.safetensors", "snapshot/b.safetensors"}) {
    expect_refused(
        {"pack", file("snapshot/") + kIndex, "-o", file(output)},
        "the input itself");
  }
}

TEST_F(OutputsProgram, AreNoFileOfManyNames) {
  fs::create_symlink("one", file("soft"));
  fs::create_hard_link(file("one"), file("hard"));
  expect_prune_refused(file("one"), file("soft"), "the input itself");
  expect_prune_refused(file("soft"), file("one"), "the input itself");
  expect_prune_refused(file("soft"), file("hard"), "the input itself");
  expect_prune_refused(file("hard"), file("m/../one"), "the input itself");
  expect_prune_refused(file("one"), file("m"), "is a folder");
  expect_prune_refused(file("one"), file("new/"), "is a folder");
}

TEST_F(OutputsProgram, AreNoRecipe) {
  const auto recipe = folder_.write(
      "r.yaml", "modifiers: {MagnitudePruningModifier: {sparsity: 0.5}}");
  expect_refused(
      {"prune", file("one"), "--recipe", recipe, "-o", recipe},
      "the input itself");
}

TEST_F(OutputsProgram, OfUnpackingAreNotWhatIsUnpacked) {
  ASSERT_EQ(
      run_coppice({"pack", file("m/") + kIndex, "-o", file("packed")})
          .exit_code,
      0);
  fs::create_directory(file("d"));
  fs::rename(file("packed"), file("d/a.safetensors"));
  for (const std::string output : {"d", "d/a.safetensors", "."}) {
    expect_refused(
        {"unpack", file("d/a.safetensors"), "-o", file(output)}, "input");
  }
  fs::create_directory(file("e"));
  folder_.write("e/mine", "x");
  expect_refused(
      {"unpack", file("d/a.safetensors"), "-o", file("e")}, "e contains mine");
  EXPECT_EQ(
      run_coppice({"unpack", file("d/a.safetensors"), "-o", file("d/new")})
          .exit_code,
      0);
  EXPECT_EQ(read_file(file("d/new/") + kIndex), read_file(file("m/") + kIndex));
}

TEST_F(OutputsProgram, ReplaceAFolderOfTheirOwnNamesOnly) {
  const auto prune = [&](const std::string& output) {
    return run_coppice(
        {"prune", file("m/") + kIndex, "--sparsity", "0.5", "-o", output});
  };
  ASSERT_EQ(prune(file("out")).exit_code, 0);
  ASSERT_EQ(prune(file("out/")).exit_code, 0);
  EXPECT_EQ(contents(file("out")).size(), 3u);
  fs::create_directory(file("out/sub"));
  folder_.write("out/sub/mine", "x");
  expect_prune_refused(file("m/") + kIndex, file("out"), "out contains sub");
  ASSERT_EQ(prune(file("m/sub/new")).exit_code, 0);
  EXPECT_EQ(contents(file("m/sub/new")).size(), 3u);
}

TEST_F(OutputsProgram, ReplaceALinkAndNotWhatItLeadsTo) {
  folder_.write("other", "mine");
  fs::create_symlink("other", file("link"));
  EXPECT_EQ(
      run_coppice(
          {"prune", file("one"), "--sparsity", ".5", "-o", file("link")})
          .exit_code,
      0);
  EXPECT_EQ(read_file(file("other")), "mine");
  EXPECT_FALSE(fs::is_symlink(file("link")));
  expect_prune_refused(file("one"), "/dev/null", "cannot be an output");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(OutputsProgram, OfShardsOfTorchSaveAreShardsOfTorchSave) {
  fs::create_directory(file("t"));
  std::vector<torch::Tensor> weights;
  for (const std::string name : {"a", "b"}) {
    weights.push_back(torch::randn({16, 8}));
    const auto stored = as_stored("", weights.back());
    PickleTensor tensor;
    tensor.tensor = stored;
    PickleDict dict;
    dict.set(name + ".weight", tensor);
    dict.set("epoch", 7);
    write_torch_file(file("t/" + name + ".bin"), dict);
  }
  const auto index = folder_.write(
      "t/pytorch_model.bin.index.json",
      R"({"weight_map":{"a.weight":"a.bin","b.weight":"b.bin"}})");
  const auto inspected = run_coppice({"inspect", index});
  EXPECT_EQ(inspected.exit_code, 0) << inspected.err;
  EXPECT_THAT(inspected.out, HasSubstr("sharded torch.save files: 2 tensors"));
  expect_prune_refused(index, file("t"), "contains the input");
  const auto pruned =
      run_coppice({"prune", index, "--sparsity", "0.5", "-o", file("out")});
  EXPECT_EQ(pruned.exit_code, 0) << pruned.err;
  const auto checkpoint =
      open_checkpoint(file("out/pytorch_model.bin.index.json"));
  ASSERT_EQ(checkpoint.state.tensors.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const auto values = as_tensor(checkpoint.state.tensors[i]);
    EXPECT_EQ((values == 0).sum().item<int64_t>(), 64);
    EXPECT_TRUE(((values == 0) | (values == weights[i])).all().item<bool>());
    // LibTorch's own zip reader verifies checksums.
    const auto bytes = read_file(checkpoint.files[i]->path());
    const auto value = torch::pickle_load({bytes.begin(), bytes.end()});
    EXPECT_TRUE(value.isGenericDict());
  }
  ASSERT_EQ(run_coppice({"pack", index, "-o", file("p")}).exit_code, 0);
  ASSERT_EQ(run_coppice({"unpack", file("p"), "-o", file("u")}).exit_code, 0);
  for (const std::string name : {"a.bin", "b.bin"}) {
    EXPECT_EQ(read_file(file("u/" + name)), read_file(file("t/" + name)));
  }
}

// Killed between two system calls, one process per stop: from the creation of
// the temporary file until it is renamed.
TEST_F(OutputsProgram, AreOldOrNewAndNothingElseWhenTheProgramIsKilled) {
  ASSERT_EQ(
      run_coppice(
          {"prune", file("one"), "--sparsity", "0.5", "-o", file("out")})
          .exit_code,
      0);
  const auto finished = read_file(file("out"));
  const auto program = [&] {
    // Discards its table.
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    execl(
        COPPICE_PROGRAM,
        COPPICE_PROGRAM,
        "prune",
        file("one").c_str(),
        "--sparsity",
        "0.5",
        "-o",
        file("out").c_str(),
        nullptr);
  };
  const auto names = folder_.names();
  int old = 0;
  int made = 0;
  int in_between = 0; // Between the two renames.
  for (int step = 2;; step += 5) {
    folder_.write("out", "old");
    const auto killed = testing::killed_at_step(step, program, true);
    if (killed == Killed::CannotTrace) {
      GTEST_SKIP() << "processes cannot be traced here";
    }
    const auto left = read_file(file("out"));
    EXPECT_TRUE(left == "old" || left == finished) << step;
    for (const auto& name : folder_.names()) {
      if (name.rfind("coppice-tmp-", 0) == 0) {
        ++in_between;
        fs::remove(file(name));
      }
    }
    EXPECT_EQ(folder_.names().size(), names.size()) << step;
    (left == "old" ? old : made) += 1;
    if (killed == Killed::EndedBefore || made > 2) {
      break;
    }
  }
  EXPECT_GE(old, 2); // During writing.
  EXPECT_GE(made, 1);
  EXPECT_LE(in_between, 1);
}

} // namespace
} // namespace coppice::cli::outputs_program_test
