#include "oneshot/script_evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <torch/script.h>
#include <unistd.h>

#include <fstream>
#include <limits>

#include "archive/zip.h"
#include "archive/zip_writer.h"
#include "coppice/oneshot/prune_checkpoint.h"
#include "io/output_file.h"
#include "support/temporary_folder.h"

namespace coppice::script_evidence_test {
namespace {

using ::testing::HasSubstr;

class ScriptEvidence : public ::testing::Test {
 protected:
  ScriptEvidence() : net_("Net") {
    net_.register_parameter("scale", torch::randn({8, 8}), false);
    net_.register_parameter("gamma", torch::randn({8, 8}), false);
    net_.register_parameter("w", torch::randn({8, 8}), false);
    net_.register_buffer("std", torch::rand({8, 8}) + 1);
    net_.register_buffer("filter", torch::rand({8, 8}));
  }

  PruneReport prune(const std::vector<std::string>& targets = {}) {
    net_.save(folder_.file("in"));
    return prune_file(targets);
  }

  PruneReport prune_file(const std::vector<std::string>& targets = {}) {
    PruneModifier modifier;
    modifier.pattern = {0.5, {1, 1}, 1};
    modifier.targets = targets;
    return prune_checkpoint(
        open_checkpoint(folder_.file("in")), {modifier}, folder_.file("out"));
  }

  static std::string why_left(
      const PruneReport& report,
      const std::string& name) {
    for (const auto& tensor : report.tensors) {
      if (tensor.name == name) {
        return tensor.left_because;
      }
    }
    return "is not there";
  }

  torch::jit::Module net_;
  TemporaryFolder folder_;
};

const std::string kForward =
    "def forward(self, x):\n"
    "  x = torch.matmul(x / self.std * self.gamma, self.scale)\n"
    "  return torch.linear(torch.matmul(x, self.filter), self.w)\n";

TEST_F(ScriptEvidence, OpsDecideWhateverTheNames) {
  net_.define(kForward);
  const auto report = prune();
  EXPECT_TRUE(report.from_graph);
  EXPECT_EQ(report.not_from_graph_because, "");
  EXPECT_EQ(why_left(report, "scale"), "");
  EXPECT_EQ(why_left(report, "w"), "");
  EXPECT_EQ(why_left(report, "gamma"), "no op multiplies by it");
  EXPECT_EQ(why_left(report, "std"), "a buffer of its module");
  EXPECT_EQ(why_left(report, "filter"), "a fixed filter");
}

TEST_F(ScriptEvidence, ClassWordsGoByTheOp) {
  net_.register_parameter("c", torch::randn({4, 8}), false);
  net_.define(
      "def forward(self, x):\n"
      "  y = torch.embedding(self.c, x)\n"
      "  return torch.conv1d(y, self.w.unsqueeze(2)), self.scale\n");
  EXPECT_EQ(why_left(prune({"Conv1d"}), "w"), "");
  EXPECT_EQ(why_left(prune({"Conv1d", "scale"}), "c"), "not a target");
}

TEST_F(ScriptEvidence, NamesAndBuffersDecideWhereLoadingWouldRunCode) {
  net_.register_attribute("training", c10::BoolType::get(), false);
  net_.define(kForward);
  net_.define(
      "def __getstate__(self):\n"
      "  return self.scale\n"
      "def __setstate__(self, state: Tensor) -> None:\n"
      "  self.scale = state\n");
  torch::jit::Module outer("Outer");
  outer.register_module("inner", net_);
  outer.register_parameter("w", torch::randn({8, 8}), false);
  outer.register_buffer("table2", torch::randn({8, 8}));
  outer.define("def forward(self, x):\n  return torch.linear(x, self.w)\n");
  outer.save(folder_.file("in"));
  const auto report = prune_file();
  EXPECT_FALSE(report.from_graph);
  EXPECT_THAT(report.not_from_graph_because, HasSubstr("__setstate__"));
  EXPECT_EQ(why_left(report, "w"), "");
  EXPECT_EQ(why_left(report, "table2"), "a buffer of its module");
}

TEST_F(ScriptEvidence, NamesDecideWithoutMethods) {
  const auto report = prune();
  EXPECT_FALSE(report.from_graph);
  EXPECT_EQ(report.not_from_graph_because, "it holds no methods");
  EXPECT_EQ(why_left(report, "w"), "");
  EXPECT_EQ(why_left(report, "scale"), "a scale");
}

/// Copies an archive with `from` in its code replaced by `to`.
void replace_in_code(
    const std::string& path,
    const std::string& from,
    const std::string& to) {
  archive::ZipArchive zip(MappedFile::open(path));
  OutputFile file(path, 0);
  archive::ZipWriter writer(
      [&file](std::string_view piece) { file.write(piece); });
  int replaced = 0;
  for (const auto& entry : zip.entries()) {
    std::string bytes(zip.read(entry).view());
    const auto at = bytes.find(from);
    if (entry.name.find("/code/") != std::string::npos &&
        at != std::string::npos) {
      bytes.replace(at, from.size(), to);
      ++replaced;
    }
    writer.add(std::string(entry.name), bytes);
  }
  writer.finish();
  file.commit();
  EXPECT_GT(replaced, 0) << from;
}

/// If code cannot be loaded, names and declared attributes decide.
TEST_F(ScriptEvidence, NamesAndBuffersDecideWhereTheCodeIsUnknown) {
  net_.register_buffer("table2", torch::randn({8, 8}));
  net_.define(
      "def forward(self, x):\n"
      "  y = torch.matmul(torch.tanh(x), self.scale) * self.std\n"
      "  return torch.linear(y, self.w)\n");
  const std::pair<std::string, std::string> unknown[] = {
      {"torch.tanh(", "ops.nolib.tanh("}, // An op of a library.
      {"torch.tanh(", "torch.an_op_of_the_future("},
      {"torch.tanh(", "__torch__.gone.tanh("},
      {"x: Tensor", "x: __torch__.gone.Table"},
      {"return ", "return ) "}};
  for (const auto& [from, to] : unknown) {
    SCOPED_TRACE(to);
    net_.save(folder_.file("in"));
    replace_in_code(folder_.file("in"), from, to);
    const auto report = prune_file();
    EXPECT_FALSE(report.from_graph);
    EXPECT_EQ(
        report.not_from_graph_because, "this LibTorch cannot load its code");
    EXPECT_EQ(why_left(report, "w"), "");
    EXPECT_EQ(why_left(report, "scale"), "a scale");
    EXPECT_EQ(why_left(report, "std"), "a buffer of its module");
    EXPECT_EQ(why_left(report, "table2"), "a buffer of its module");
  }
}

TEST_F(ScriptEvidence, NamesAndBuffersDecideBesideObjectsOfALibrary) {
  net_.define(kForward);
  net_.save(folder_.file("in"));
  replace_in_code(
      folder_.file("in"),
      "def forward",
      "table : __torch__.torch.classes.nolib.Table\n  def forward");
  const auto report = prune_file();
  EXPECT_FALSE(report.from_graph);
  EXPECT_THAT(report.not_from_graph_because, HasSubstr("a library's classes"));
  EXPECT_EQ(why_left(report, "w"), "");
  EXPECT_EQ(why_left(report, "std"), "a buffer of its module");
}

TEST_F(ScriptEvidence, IsOfTheClassesWhereMemoryIsShort) {
  net_.define(kForward);
  net_.save(folder_.file("in"));
  const auto file = open_checkpoint(folder_.file("in"));
  const auto size = file.files[0]->size();
  EXPECT_TRUE(oneshot::script_evidence(file, 2 * size)->from_graph);
  const auto evidence = oneshot::script_evidence(file, 2 * size - 1);
  EXPECT_FALSE(evidence->from_graph);
  EXPECT_THAT(evidence->not_from_graph_because, HasSubstr("does not fit"));
  EXPECT_EQ(evidence->find("std")->kind, graph::WeightUse::Kind::kBuffer);
  EXPECT_EQ(evidence->find("w")->kind, graph::WeightUse::Kind::kParameter);
}

/// The address space of this process, in bytes.
uint64_t address_space() {
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

TEST_F(ScriptEvidence, IsOfTheClassesWhereMemoryRunsOut) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer takes the whole address space";
#endif
  constexpr int64_t kFloats = int64_t(48) << 20;
  constexpr uint64_t kRoom = uint64_t(64) << 20; // A third of what it needs.
  net_.register_parameter("large", torch::zeros({kFloats / 64, 64}), false);
  net_.define(kForward);
  net_.save(folder_.file("in"));
  const auto file = open_checkpoint(folder_.file("in"));
  // In a child process, whose memory can be limited.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit limit{address_space() + kRoom, address_space() + kRoom};
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
      _exit(2);
    }
    const auto evidence =
        oneshot::script_evidence(file, std::numeric_limits<uint64_t>::max());
    const bool is_right = !evidence->from_graph &&
        evidence->not_from_graph_because ==
            "it does not fit into free memory" &&
        evidence->find("std")->kind == graph::WeightUse::Kind::kBuffer;
    _exit(is_right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

} // namespace
} // namespace coppice::script_evidence_test
