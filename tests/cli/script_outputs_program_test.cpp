// Commands that run a model: files that they never overwrite, and paths that
// are not files.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "cli/output_models.h"
#include "cli/tensor_file.h"

namespace coppice::cli::script_outputs_program_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ScriptOutputs : public OutputModels {
 protected:
  ScriptOutputs() {
    torch::jit::Module module("net");
    module.register_parameter("weight", torch::randn({4, 8}), false);
    module.define(
        "def forward(self, x):\n  return x.matmul(self.weight.t())\n");
    module.save(model_);
    module.save(file("other.pt"));
    save_tensors(file("x.safetensors"), {{"x", torch::randn({4, 8})}});
    fs::create_hard_link(model_, file("hard"));
    fs::create_symlink("net.pt", file("soft"));
  }

  /// Masks all layers of the model, with an output and more options.
  std::vector<std::string> activations(
      const std::string& output,
      const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{
        "activations",
        model_,
        "--calibration",
        file("x.safetensors"),
        "--layer",
        "*",
        "--sparsity",
        "0.5",
        "-o",
        output};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  std::string model_ = file("net.pt");
};

TEST_F(ScriptOutputs, AreNoInputOfAnyCommand) {
  for (const std::string output : {"hard", "soft"}) {
    const auto out = file(output);
    expect_refused(
        {"compile", model_, "--input", "1x8", "-o", out}, "input itself");
    expect_refused(
        {"compile",
         model_,
         "--input",
         "1x8",
         "-o",
         file("new.pt"),
         "--html",
         out},
        "input itself");
    expect_refused(
        {"bench", model_, "--input", "1x8", "--html", out}, "input itself");
    expect_refused(
        {"bench", file("other.pt"), model_, "--input", "1x8", "--html", out},
        "input itself");
  }
  for (const std::string output : {"soft", "x.safetensors"}) {
    expect_refused(activations(file(output)), "input itself");
  }
}

TEST_F(ScriptOutputs, AreNoExampleAndNoLibrary) {
  fs::copy_file(COPPICE_TEST_OPS, file("ops.so"));
  fs::create_symlink("x.safetensors", file("example"));
  fs::create_hard_link(file("ops.so"), file("library"));
  const std::vector<std::string> how{
      "--inputs", file("x.safetensors"), "--load", file("ops.so")};
  const auto refused = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), how.begin(), how.end());
    expect_refused(arguments, "input itself");
  };
  for (const std::string name :
       {"x.safetensors", "example", "ops.so", "library"}) {
    refused({"compile", model_, "-o", file(name)});
    refused({"compile", model_, "-o", file("new.pt"), "--html", file(name)});
    refused({"bench", model_, "--html", file(name)});
  }
  expect_refused(
      activations(file("library"), {"--load", file("ops.so")}), "input itself");
}

TEST_F(ScriptOutputs, AreNoFolderOfTheModel) {
  for (const std::string output : {".", "m/.."}) {
    const auto out = file(output);
    const std::string part = "contains the input";
    expect_refused({"compile", model_, "--input", "1x8", "-o", out}, part);
    expect_refused({"bench", model_, "--input", "1x8", "--html", out}, part);
    expect_refused({"pack", model_, "-o", out}, part);
    expect_refused({"prune", model_, "--sparsity", "0.5", "-o", out}, part);
    expect_refused(activations(out), part);
  }
  // A path through a file is invalid too.
  expect_complaint(
      run_coppice({"compile", model_, "--input", "1x8", "-o", model_ + "/out"}),
      1,
      "cannot be created");
}

TEST_F(ScriptOutputs, AreNoInputOnAnotherMount) {
  fs::create_directory(file("door"));
  const auto mounted = [&](const std::string& command) {
    return Child({"unshare",
                  "-rm",
                  "sh",
                  "-c",
                  "mount --bind '" + folder_.path() + "' '" + file("door") +
                      "' && " + command})
        .wait();
  };
  if (mounted("true").exit_code != 0) {
    GTEST_SKIP() << "nothing can be mounted here";
  }
  const std::string program = std::string("exec '") + COPPICE_PROGRAM + "' ";
  const auto before = contents(folder_.path());
  for (const std::string& arguments :
       {"compile '" + model_ + "' --input 1x8 -o '" + file("door/net.pt") + "'",
        "prune '" + file("one") + "' --sparsity 0.5 -o '" + file("door/one") +
            "'",
        "pack '" + file("one") + "' -o '" + file("door/one") + "'"}) {
    expect_complaint(mounted(program + arguments), 1, "input itself");
  }
  expect_complaint(
      mounted(
          program + "prune '" + file("m/") + kIndex + "' --sparsity 0.5 -o '" +
          file("door/m") + "'"),
      1,
      "contains the input");
  EXPECT_EQ(contents(folder_.path()), before);
}

TEST_F(ScriptOutputs, AreNotMadeOfFilesThatAreNoModels) {
  const auto path = folder_.write(
      "stranger.safetensors",
      "version https://git-lfs.github.com/spec/v1\noid sha256:" +
          std::string(64, 'a') + "\nsize 4265380512\n");
  const auto out = file("out");
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{
           {"inspect", path},
           {"prune", path, "-o", out, "--sparsity", "0.5"},
           {"prune", file("one"), "-o", out, "--recipe", path},
           {"pack", path, "-o", out},
           {"unpack", path, "-o", out},
           {"compile", path, "-o", out, "--input", "1x8"},
           {"bench", path, "--input", "1x8"},
           {"activations",
            model_,
            "--calibration",
            path,
            "--layer",
            "*",
            "--sparsity",
            "0.5",
            "-o",
            out}}) {
    const auto outcome = run_coppice(arguments);
    expect_complaint(outcome, 2, "git lfs pull");
    EXPECT_THAT(outcome.err, HasSubstr(path));
    EXPECT_FALSE(fs::exists(out));
  }
}

TEST_F(ScriptOutputs, SayWhatAFileIsThatIsNoModel) {
  const std::pair<const char*, const char*> strangers[] = {
      {"<!DOCTYPE html><html><head><title>404</title></head></html>\n",
       "a web page"},
      {R"({"error":"Repository not found"})", "`Repository not found`"},
      {"GGUF\3", "GGUF"},
      {"", "is empty"}};
  for (const auto& [bytes, part] : strangers) {
    expect_complaint(
        run_coppice({"inspect", folder_.write("stranger", bytes)}), 2, part);
  }
}

TEST_F(ScriptOutputs, AreNotMadeOfFolders) {
  for (const std::string command : {"inspect", "pack", "unpack", "prune"}) {
    std::vector<std::string> arguments{command, file("m")};
    if (command != "inspect") {
      arguments.insert(arguments.end(), {"-o", file("out")});
    }
    if (command == "prune") {
      arguments.insert(arguments.end(), {"--sparsity", "0.5"});
    }
    expect_complaint(run_coppice(arguments), 2, file("m/") + kIndex);
  }
  expect_complaint(
      run_coppice({"bench", file("m"), "--input", "1x8"}),
      2,
      file("m/") + kIndex);
  expect_complaint(
      run_coppice(
          {"prune", file("one"), "-o", file("out"), "--recipe", file("blobs")}),
      2,
      "is a folder");
}

} // namespace
} // namespace coppice::cli::script_outputs_program_test
