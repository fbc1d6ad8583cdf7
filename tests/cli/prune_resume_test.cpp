// `coppice prune --calibration` that is ended on the way, and goes on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "cli/child.h"
#include "cli/tensor_file.h"
#include "support/killed_at_steps.h"
#include "support/script_models.h"

namespace coppice::cli::prune_resume_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Killed;
using ::testing::Not;

/// A net of layers that are large enough to stay in the file, the second of
/// which reads what the first does.
torch::jit::Module wide_net() {
  torch::manual_seed(5);
  torch::jit::Module net("Net");
  for (const char* name : {"a", "b", "c", "d"}) {
    net.register_module(
        name, testing::script_linear(torch::randn({160, 160}) / 12));
  }
  net.define(R"(
def forward(self, x):
  y = self.a.forward(x) + self.b.forward(x)
  return self.d.forward(torch.relu(self.c.forward(torch.relu(y))))
)");
  return net;
}

class PruneResume : public ::testing::Test {
 protected:
  PruneResume() {
    wide_net().save(model_);
    save_tensors(samples_, {{"x", torch::randn({96, 160})}});
  }

  void SetUp() override {
    if (testing::killed_at_step(1, [] {}) == Killed::CannotTrace) {
      GTEST_SKIP() << "processes cannot be traced here";
    }
  }

  std::vector<std::string> arguments(
      const std::string& out,
      std::vector<std::string> options = {}) const {
    std::vector<std::string> all{
        "prune", model_, "-o", out, "--calibration", samples_};
    options = options.empty() ? options_ : options;
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }

  Outcome prune(const std::string& out) const {
    return run_coppice(arguments(out));
  }

  /// The program, in the place of this process.
  void become_program() const {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    auto all = arguments(out_);
    all.insert(all.begin(), COPPICE_PROGRAM);
    std::vector<char*> pointers;
    for (auto& argument : all) {
      pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    execv(COPPICE_PROGRAM, pointers.data());
  }

  int solved() const {
    int count = 0;
    std::error_code ignored;
    for (const auto& each : fs::directory_iterator(scratch_, ignored)) {
      count += static_cast<int>(
          each.path().filename().string().rfind("coppice-solved-", 0) == 0);
    }
    return count;
  }

  /// Kills the program once so many parts are solved.
  Killed leave_some(int parts) const {
    return testing::killed_when(
        [&](pid_t) { return solved() >= parts; }, [&] { become_program(); });
  }

  TemporaryFolder folder_;
  std::string model_ = folder_.file("net.pt");
  std::string samples_ = folder_.file("samples.safetensors");
  std::string out_ = folder_.file("out.pt");
  std::string reference_ = folder_.file("reference.pt");
  std::string scratch_ = folder_.file(".out.pt.coppice-scratch");
  std::vector<std::string> options_{"--sparsity", "0.6", "--memory", "300K"};
};

void expect_resumed(const Outcome& outcome) {
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(errors(outcome), IsEmpty());
}

// At stops between two calls of the system, further apart the further on.
TEST_F(PruneResume, GivesTheSameFileWhereverItWasKilled) {
  ASSERT_EQ(prune(reference_).exit_code, 0);
  const auto expected = read_file(reference_);
  for (int step = 10;; step *= 2) {
    fs::remove(out_);
    const auto killed = testing::killed_at_step(
        step, [&] { become_program(); }, true);
    if (killed == Killed::EndedBefore) {
      break;
    }
    const auto outcome = prune(out_);
    expect_resumed(outcome);
    EXPECT_TRUE(read_file(out_) == expected) << step;
    EXPECT_FALSE(fs::exists(scratch_)) << step;
  }
}

TEST_F(PruneResume, GoesOnTwice) {
  for (const bool sequential : {false, true}) {
    if (sequential) {
      options_.push_back("--sequential");
    }
    fs::remove(out_);
    ASSERT_EQ(prune(reference_).exit_code, 0);
    ASSERT_EQ(leave_some(1), Killed::Yes);
    ASSERT_EQ(leave_some(3), Killed::Yes);
    const auto outcome = prune(out_);
    expect_resumed(outcome);
    EXPECT_THAT(outcome.out, HasSubstr("of the weights are solved."));
    EXPECT_TRUE(read_file(out_) == read_file(reference_)) << sequential;
    EXPECT_FALSE(fs::exists(scratch_));
  }
}

TEST_F(PruneResume, KeepsTheWorkOfAnotherCommand) {
  ASSERT_EQ(leave_some(2), Killed::Yes);
  const auto outcome = run_coppice(arguments(out_, {"--sparsity", "0.7"}));
  expect_complaint(outcome, 2, "remove the folder to begin anew");
  EXPECT_THAT(errors(outcome), HasSubstr("at other levels"));
  wide_net().save(model_);
  expect_complaint(prune(out_), 2, "of another model");
  EXPECT_FALSE(fs::exists(out_));
  // A run without an output, and one to another, are not concerned.
  EXPECT_EQ(
      run_coppice(arguments(reference_, {"--sparsity", "0.7"})).exit_code, 0);
  EXPECT_EQ(
      run_coppice(arguments(out_, {"--sparsity", "0.7", "--dry-run"}))
          .exit_code,
      0);
  EXPECT_TRUE(fs::exists(scratch_));
  fs::remove_all(scratch_);
  expect_resumed(prune(out_));
}

TEST_F(PruneResume, SaysOnCtrlCWhatIsKept) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const auto err = folder_.file("err");
    int status = 0;
    const auto ended = testing::killed_when(
        [&](pid_t) { return solved() >= 2; },
        [&] {
          // Where the test runs by a shell's `&`, it ignores Ctrl-C.
          std::signal(SIGINT, SIG_DFL);
          dup2(open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
          become_program();
        },
        signal,
        &status);
    ASSERT_EQ(ended, Killed::Yes);
    const Outcome outcome{
        WIFEXITED(status) ? WEXITSTATUS(status) : -1, "", read_file(err)};
    expect_complaint(outcome, 130, "interrupted; the solved layers are in");
    EXPECT_THAT(errors(outcome), HasSubstr(scratch_));
    EXPECT_FALSE(fs::exists(out_));
    EXPECT_TRUE(fs::exists(scratch_));
    fs::remove(err);
    fs::remove_all(scratch_);
  }
}

// As where the disk is full, but that the system says another reason.
TEST_F(PruneResume, KeepsTheFilesWhereNothingCanBeWritten) {
  const auto before = read_file(model_);
  auto all = arguments(out_);
  std::string command = "trap '' XFSZ; ulimit -f 40; exec " COPPICE_PROGRAM;
  for (const auto& argument : all) {
    command += " '" + argument + "'";
  }
  expect_complaint(Child({"sh", "-c", command}).wait(), 1, "cannot be written");
  EXPECT_FALSE(fs::exists(out_));
  EXPECT_TRUE(read_file(model_) == before);
  expect_resumed(prune(out_));
  EXPECT_FALSE(fs::exists(scratch_));
}

TEST_F(PruneResume, LeavesNothingOfADryRun) {
  const auto names = folder_.names();
  const auto outcome =
      run_coppice(arguments(out_, {"--sparsity", "0.7", "--dry-run"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(folder_.names(), names);
}

} // namespace
} // namespace coppice::cli::prune_resume_test
