// Random command lines over models: the program ends with an exit code and one
// plain sentence, never by a signal. script/fuzz command-line runs many, also
// over the files of ../shared/data.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>

#include "cli/child.h"
#include "cli/tensor_file.h"
#include "coppice/model/torch_tensors.h"
#include "io/torch_file.h"
#include "support/script_models.h"

namespace coppice::cli::command_line_fuzz_test {
namespace {

using Words = std::vector<std::string>;

long number_of(const char* variable, long otherwise) {
  const char* const text = std::getenv(variable);
  return text ? std::strtol(text, nullptr, 10) : otherwise;
}

/// Generates command lines.
class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}

  size_t below(size_t count) {
    return std::uniform_int_distribution<size_t>(0, count - 1)(random_);
  }
  bool is_one_in(size_t count) {
    return below(count) == 0;
  }
  const std::string& one_of(const Words& words) {
    return words[below(words.size())];
  }

  /// Values for `--input`.
  std::string input() {
    if (is_one_in(5)) {
      return one_of(kValues);
    }
    std::string text = one_of(kShapes);
    if (is_one_in(3)) {
      text = one_of(kSizes);
      for (size_t dims = below(4); dims > 0; --dims) {
        text += "x" + one_of(kSizes);
      }
    }
    if (is_one_in(2)) {
      text += ":" + one_of(kDtypes);
    }
    return is_one_in(4) ? text + one_of(kRanges) : text;
  }

  Words
  command(const Words& models, const Words& files, const TemporaryFolder& out) {
    Words words{
        one_of({"compile", "compile", "compile", "bench", "activations"})};
    words.push_back(one_of(models));
    if (words[0] == "bench" && is_one_in(3)) {
      words.push_back(one_of(models));
    }
    if (words[0] != "bench") {
      add(words, {"-o", out.file("result")});
    }
    if (words[0] == "activations") {
      add(words, {"--calibration", one_of(files)});
      add(words, {"--layer", one_of({"*", "fc1", "", "fc*", "none", "["})});
      add(words, {"--sparsity", one_of({"0.5", "0", "1", "2", "nan", "x"})});
    } else {
      add(words, {"--no-cache", "--seconds", "0.01"});
      add_inputs(words, files);
    }
    for (size_t more = below(6) / 3 * below(3); more > 0; --more) {
      add_option(words, out);
    }
    return words;
  }

 private:
  static void add(Words& words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
  }

  void add_inputs(Words& words, const Words& files) {
    if (is_one_in(5)) {
      add(words, {"--inputs", one_of(files)});
      return;
    }
    const size_t counts[] = {1, 1, 1, 1, 2, 2, 3, 0};
    for (size_t count = counts[below(8)]; count > 0; --count) {
      add(words, {"--input", input()});
    }
  }

  void add_option(Words& words, const TemporaryFolder& out) {
    switch (below(9)) {
      case 0:
      case 1:
        return add(
            words, {"--batch", one_of({"1", "3", "0", "-1", "x", "1e3"})});
      case 2:
        return add(words, {"--threads", one_of({"1", "2", "0", "many"})});
      case 3:
        return add(words, {one_of({"--json", "--bfloat16", "--sites"})});
      case 4:
        return add(words, {"--html", out.file("page.html")});
      case 5:
        return add(words, {"--load", one_of({"none.so", "/etc/passwd", "/"})});
      case 6:
        return add(words, {one_of({"--input", "--inputs", "--nothing", "-x"})});
      case 7:
        return add(words, {"--seconds", one_of({"0.02", "0", "-1", "s"})});
      default:
        return add(words, {one_of({"", "another", "\xff\xfe", "--help"})});
    }
  }

  const Words kSizes{"1", "2", "3", "4", "5", "6", "8", "10", "28", "49", "64"};
  const Words kShapes{
      "2x6",
      "4x64",
      "1x784",
      "1x3x32x32",
      "1x1x49x10",
      "1x4",
      "1x512",
      "7",
      "1x3x200x200",
      "1x1x28x28",
      "0",
      "x",
      "2x",
      "-1x3",
      "",
      "99999999x99999"};
  const Words kDtypes{
      "float32",
      "float64",
      "float16",
      "bfloat16",
      "int64",
      "int64",
      "int32",
      "int16",
      "int8",
      "uint8",
      "bool",
      "complex64",
      "float",
      "",
      "int65"};
  const Words kRanges{
      "[0,1]",
      "[0,5]",
      "[-3,3]",
      "[5,1]",
      "[0,1000000]",
      "[0.5,0.7]",
      "[0]",
      "[,]",
      "[0,1",
      "[-9223372036854775808,9223372036854775807]",
      "[nan,inf]"};
  const Words kValues{
      "=3",
      "=0.5",
      "=true",
      "=none",
      "=[1,2]",
      "=[]",
      "=\"text\"",
      "=text",
      "=",
      "=16000",
      "=nan",
      "=99999999999999999999",
      "=[[1]",
      "==",
      "=-1"};

  std::mt19937_64 random_;
};

class Fuzz : public ::testing::Test {
 protected:
  Fuzz() {
    save("net", testing::script_net());
    define(
        "table",
        "def forward(self, ids):\n  return "
        "torch.linear(torch.embedding(self.rows, ids), self.weight)\n");
    define(
        "dict",
        "def forward(self, x: Dict[str, Tensor], on: bool):\n  return "
        "torch.linear(x['a'], self.weight)\n");
    define(
        "words",
        "def forward(self, x, s: str = 'a', n: Optional[int] = None):\n  "
        "return torch.linear(x, self.weight)\n");
    define(
        "raises",
        "def forward(self, x):\n  assert x.size(0) == 1, 'one at a time'\n"
        "  return torch.linear(x, self.weight)\n");
    define(
        "half",
        "def forward(self, x):\n  return torch.linear(x.to(5), "
        "self.weight.to(5))\n");
    define(
        "gpu",
        "def forward(self, x):\n  return torch.linear(x, self.weight) + "
        "torch.ones([5], device='cuda:0')\n");
    define(
        "noise",
        "def forward(self, x):\n  return torch.linear(x + torch.rand_like(x), "
        "self.weight)\n");
    define(
        "force",
        "def forward(self, x):\n  y = x.detach().requires_grad_(True)\n  "
        "return torch.autograd.grad([torch.linear(y, self.weight).sum()], "
        "[y])[0]\n");
    define("plain", "def forward(self, x):\n  return x + 1\n");
    PickleTuple tuple;
    tuple.items = {tensor(), true};
    write_torch_file(add_file("tuple"), tuple);
    PickleDict dict;
    dict.set("x", tensor());
    write_torch_file(add_file("named"), dict);
    PickleDict outer;
    PickleDict inner;
    inner.set("a", tensor());
    outer.set("x", inner);
    outer.set("on", false);
    write_torch_file(add_file("nested"), outer);
    save_tensors(add_file("safetensors"), {{"x", torch::ones({2, 6})}});
    files_.push_back(folder_.write("text", "no model"));
    models_.push_back(files_.back());
  }

  /// Also the files of the folders for tests over real models.
  void add_shared() {
    for (const char* folder : {"/data/models", "/data/parsers", "/cases"}) {
      const std::filesystem::path path = COPPICE_SHARED + std::string(folder);
      if (!std::filesystem::exists(path)) {
        std::cout << "there is no " << path << '\n';
        continue;
      }
      for (const auto& each :
           std::filesystem::recursive_directory_iterator(path)) {
        if (each.is_regular_file() && each.path().extension() != ".py") {
          const auto name = each.path().string();
          const auto end = each.path().extension();
          const bool runs = end == ".pt" || end == ".jit" || end == ".ptl" ||
              end == ".pt1" || name.find("deeppot") != std::string::npos;
          (runs ? models_ : files_).push_back(name);
        }
      }
    }
    std::sort(models_.begin(), models_.end());
    std::sort(files_.begin(), files_.end());
  }

  TemporaryFolder folder_;
  Words models_;
  Words files_;

 private:
  void save(const std::string& name, const torch::jit::Module& module) {
    models_.push_back(folder_.file(name + ".pt"));
    module.save(models_.back());
  }

  void define(const std::string& name, const std::string& forward) {
    torch::manual_seed(1);
    torch::jit::Module net("Net");
    net.register_parameter("weight", torch::randn({5, 6}), false);
    net.register_parameter("rows", torch::randn({4, 6}), false);
    net.define(forward);
    save(name, net);
  }

  static PickleValue tensor() {
    PickleTensor value;
    value.tensor = as_stored("", torch::ones({2, 6}));
    return value;
  }

  std::string add_file(const std::string& name) {
    files_.push_back(folder_.file(name));
    return files_.back();
  }
};

/// The fault in how it ended; empty if there is none.
std::string fault_of(const Outcome& outcome) {
  const auto said = errors(outcome);
  if (outcome.exit_code == 0) {
    return said.empty() ? "" : "it is done and says something";
  }
  if (outcome.exit_code != 1 && outcome.exit_code != 2) {
    return outcome.exit_code == 137 ? "it hangs" : "a signal ended it";
  }
  if (said.rfind("coppice: ", 0) != 0 ||
      std::count(said.begin(), said.end(), '\n') != 1 ||
      said.find(".\n") == std::string::npos) {
    return "it does not say one sentence";
  }
  for (const char* inside :
       {"c10::",
        "std::",
        " at::",
        "Exception",
        "frame #",
        ".cpp",
        "__torch__",
        "Traceback",
        "TorchScript interpreter",
        "RuntimeError"}) {
    if (said.find(inside) != std::string::npos) {
      return std::string("it says ") + inside;
    }
  }
  return said.size() > 1200 ? "it says too much" : "";
}

TEST_F(Fuzz, EndsEveryCommandLineWithASentence) {
  const long runs = number_of("COPPICE_FUZZ_RUNS", 30);
  const long seed = number_of("COPPICE_FUZZ_SEED", 1);
  if (std::getenv("COPPICE_FUZZ_RUNS")) {
    add_shared();
  }
  for (long run = 0; run < runs; ++run) {
    Dice dice(static_cast<uint64_t>(seed + run));
    auto words = dice.command(models_, files_, folder_);
    Words all{"timeout", "-s", "KILL", "100", COPPICE_PROGRAM};
    all.insert(all.end(), words.begin(), words.end());
    const auto outcome = Child(std::move(all)).wait();
    const auto fault = fault_of(outcome);
    std::string line;
    for (const auto& word : words) {
      line += " '" + word + "'";
    }
    EXPECT_EQ(fault, "") << "seed " << seed + run << ": coppice" << line << '\n'
                         << outcome.exit_code << ' ' << outcome.err;
    if (std::getenv("COPPICE_FUZZ_VERBOSE")) {
      std::cout << seed + run << line << " -> " << outcome.exit_code << ' '
                << errors(outcome) << std::endl;
    }
    std::filesystem::remove(folder_.file("result"));
    std::filesystem::remove(folder_.file("page.html"));
  }
}

} // namespace
} // namespace coppice::cli::command_line_fuzz_test
