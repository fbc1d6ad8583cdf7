#include "oneshot/solved_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/output_file.h"
#include "io/scratch_folder.h"
#include "support/errors.h"
#include "support/killed_at_steps.h"
#include "support/temporary_folder.h"

namespace coppice::solved_parts_test {
namespace {

using namespace coppice::oneshot; // NOLINT(google-build-using-namespace)
using coppice::testing::Killed;
using coppice::testing::message_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using torch::Tensor;

const RunFacts kFacts{"m", "s", "o", "l"};

SolvedPart part_of(const Tensor& weight) {
  SolvedPart part;
  part.weight.tensor = weight;
  part.error = 1.0 / 3;
  part.outputs = 1e-300;
  part.dampening = 0.01;
  part.dead_inputs = 2;
  return part;
}

class SolvedPartsTest : public ::testing::Test {
 protected:
  const testing::TemporaryFoldersInMemory in_memory_;
  TemporaryFolder folder_;
  std::string out_ = folder_.file("out");
  Tensor x_ = torch::randn({6, 4});
  Tensor y_ = torch::randn({3, 6});
};

TEST_F(SolvedPartsTest, AreThoseOfAnEarlierRun) {
  {
    SolvedParts solved(out_, kFacts);
    EXPECT_EQ(solved.folder(), "");
    EXPECT_THAT(folder_.names(), IsEmpty());
    EXPECT_TRUE(solved.keep(0, "how", part_of(x_)).weight.tensor.equal(x_));
    EXPECT_EQ(solved.folder(), folder_.path() + "/.out.coppice-scratch");
  }
  SolvedParts solved(out_, kFacts);
  EXPECT_NE(solved.folder(), "");
  const auto found = solved.find(0, "how", x_);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->weight.tensor.equal(x_));
  EXPECT_EQ(found->error, 1.0 / 3);
  EXPECT_EQ(found->outputs, 1e-300);
  EXPECT_EQ(found->dampening, 0.01);
  EXPECT_EQ(found->dead_inputs, 2);
  EXPECT_FALSE(solved.find(0, "in another way", x_));
  EXPECT_FALSE(solved.find(1, "how", x_));
  solved.clear();
  EXPECT_THAT(folder_.names(), IsEmpty());
  EXPECT_EQ(solved.folder(), "");
}

TEST_F(SolvedPartsTest, OfOtherRunsAreKeptAndNotTaken) {
  SolvedParts(out_, kFacts).keep(0, "how", part_of(x_));
  const auto message = [&](const RunFacts& facts) {
    return message_of([&] { SolvedParts(out_, facts); });
  };
  EXPECT_THAT(message({"x", "s", "o", "l"}), HasSubstr("of another model"));
  EXPECT_THAT(message({"m", "x", "o", "l"}), HasSubstr("by other samples"));
  EXPECT_THAT(message({"m", "s", "x", "l"}), HasSubstr("by other options"));
  EXPECT_THAT(message({"m", "s", "o", "x"}), HasSubstr("at other levels"));
  EXPECT_TRUE(SolvedParts(out_, kFacts).find(0, "how", x_));
}

TEST_F(SolvedPartsTest, OfARunThatSolvedNothingAreNothing) {
  const auto path = io::ScratchFolder::path_for(out_);
  std::filesystem::create_directory(path);
  write_file(path + "/coppice-run", "another");
  write_file(path + "/coppice-tensor-1", "of it");
  SolvedParts solved(out_, kFacts);
  solved.keep(0, "how", part_of(x_));
  EXPECT_FALSE(std::filesystem::exists(path + "/coppice-tensor-1"));
  solved.clear();
  EXPECT_THAT(folder_.names(), IsEmpty());
}

TEST_F(SolvedPartsTest, OfARunThatWasRemovingThemAreNothing) {
  SolvedParts(out_, kFacts).keep(0, "how", part_of(x_));
  std::filesystem::remove(io::ScratchFolder::path_for(out_) + "/coppice-run");
  SolvedParts solved(out_, {"another", "", "", ""});
  EXPECT_FALSE(solved.find(0, "how", x_));
  EXPECT_THAT(folder_.names(), IsEmpty());
}

TEST_F(SolvedPartsTest, HoldTensorsThatAreReplaced) {
  SolvedParts solved(out_, kFacts);
  const auto first = solved.hold(0, x_);
  const auto second = solved.hold(0, y_);
  EXPECT_TRUE(first.tensor.equal(x_));
  EXPECT_TRUE(second.tensor.equal(y_));
  solved.clear();
  EXPECT_THAT(folder_.names(), IsEmpty());
}

// At every stop before and after a call of the system.
TEST_F(SolvedPartsTest, AreWholeOrNotThereAfterAKill) {
  bool has_found_both = false;
  bool has_found_one = false;
  for (int step = 1;; step += 3) {
    const auto killed = testing::killed_at_step(step, [&] {
      SolvedParts solved(out_, kFacts);
      solved.keep(0, "a", part_of(x_));
      solved.keep(1, "b", part_of(y_));
    });
    if (killed == Killed::CannotTrace) {
      GTEST_SKIP() << "processes cannot be traced here";
    }
    SolvedParts solved(out_, kFacts);
    const auto first = solved.find(0, "a", x_);
    const auto second = solved.find(1, "b", y_);
    EXPECT_TRUE(!first || first->weight.tensor.equal(x_)) << step;
    EXPECT_TRUE(!second || second->weight.tensor.equal(y_)) << step;
    EXPECT_TRUE(first || !second) << step;
    has_found_one |= first && !second;
    has_found_both |= first && second;
    // What is left is enough to go on, and to remove all.
    solved.keep(0, "a", part_of(x_));
    solved.clear();
    EXPECT_THAT(folder_.names(), IsEmpty()) << step;
    if (killed == Killed::EndedBefore) {
      break;
    }
  }
  EXPECT_TRUE(has_found_one);
  EXPECT_TRUE(has_found_both);
}

} // namespace
} // namespace coppice::solved_parts_test
