#include "oneshot/shared_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "coppice/oneshot/prune_checkpoint.h"
#include "oneshot/hand_made.h"
#include "support/errors.h"

namespace coppice::shared_bytes_test {
namespace {

using coppice::testing::floats_of;
using coppice::testing::HandMade;
using coppice::testing::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SharedBytes : public ::testing::Test {
 protected:
  PruneReport prune(
      const HandMade& made,
      std::vector<std::string> targets = {}) {
    PruneModifier modifier;
    modifier.pattern = {0.5, {1, 1}, 1};
    modifier.targets = std::move(targets);
    return prune_checkpoint(made.checkpoint, {modifier}, folder_.file("out"));
  }

  std::vector<float> written() const {
    return floats_of(read_file(folder_.file("out")));
  }

  TemporaryFolder folder_;
};

TEST_F(SharedBytes, LeavesWhatIsTiedToAnEmbedding) {
  for (const bool embedding_first : {true, false}) {
    HandMade made(folder_, {1, 2, 3, 4, 5, 6, 7, 8});
    made.add(embedding_first ? "embed" : "fc", 0, {2, 2}, {2, 1});
    made.add(embedding_first ? "fc" : "embed", 0, {2, 2}, {2, 1});
    made.add("other", 4, {2, 2}, {2, 1});
    const auto report = prune(made);
    EXPECT_EQ(
        report.tensors[embedding_first ? 1 : 0].left_because,
        "shares its values with `embed`");
    EXPECT_THAT(written(), ElementsAre(1, 2, 3, 4, 0, 0, 7, 8));
  }
}

TEST_F(SharedBytes, LeavesAViewInsideWhatIsLeft) {
  HandMade made(folder_, {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4});
  made.add("embed.weight", 0, {4, 2}, {2, 1});
  made.add("fc.weight", 2, {2, 2}, {2, 1});
  made.add("other.weight", 8, {2, 2}, {2, 1});
  const auto report = prune(made);
  EXPECT_EQ(
      report.tensors[1].left_because, "shares its values with `embed.weight`");
  EXPECT_THAT(written(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 3, 4));
}

TEST_F(SharedBytes, LeavesAWeightWithAViewInside) {
  HandMade made(folder_, {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4});
  made.add("fc.weight", 0, {4, 2}, {2, 1});
  made.add("fc.part", 5, {2}, {1}); // One dimension: left.
  made.add("other.weight", 8, {2, 2}, {2, 1});
  EXPECT_EQ(
      prune(made).tensors[0].left_because, "shares its values with `fc.part`");
}

TEST_F(SharedBytes, CountsGapsBetweenElements) {
  HandMade made(folder_, {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4});
  made.add("fc.weight", 0, {2, 2}, {4, 1});    // 1 2 and 5 6
  made.add("embed.weight", 2, {1, 2}, {2, 1}); // 3 4 lie between.
  made.add("other.weight", 8, {2, 2}, {2, 1});
  EXPECT_EQ(
      prune(made).tensors[0].left_because,
      "shares its values with `embed.weight`");
}

TEST_F(SharedBytes, LeavesWhatSharesWithWhatIsLeftForThat) {
  HandMade made(folder_, {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4});
  made.add("b.weight", 4, {2, 2}, {2, 1});
  made.add("a.weight", 2, {2, 2}, {2, 1});
  made.add("embed.weight", 0, {1, 3}, {3, 1});
  made.add("other.weight", 8, {2, 2}, {2, 1});
  const auto report = prune(made);
  EXPECT_EQ(
      report.tensors[1].left_because, "shares its values with `embed.weight`");
  EXPECT_EQ(
      report.tensors[0].left_because, "shares its values with `a.weight`");
}

TEST_F(SharedBytes, WhatIsNamedIsPrunedAndTheOtherSaysThatItChanges) {
  HandMade made(folder_, {1, 2, 3, 4, 5, 6, 7, 8});
  made.add("embed.weight", 0, {4, 2}, {2, 1});
  made.add("fc.weight", 2, {2, 2}, {2, 1});
  const auto report = prune(made, {"fc"});
  EXPECT_EQ(report.tensors[0].left_because, "not a target");
  EXPECT_EQ(
      report.tensors[0].note,
      "changes too: shares bytes with `fc.weight`, which was named");
  EXPECT_THAT(written(), ElementsAre(1, 2, 0, 0, 5, 6, 7, 8));
}

TEST_F(SharedBytes, RefusesTensorsThatOverlap) {
  HandMade made(folder_, {1, 2, 3, 4, 5, 6});
  made.add("a", 0, {2, 2}, {2, 1});
  made.add("b", 2, {2, 2}, {2, 1});
  EXPECT_THAT(
      message_of([&] { prune(made); }), HasSubstr("overlap in the file"));
  HandMade views(folder_, {1, 2, 3, 4, 5, 6});
  views.add("a", 0, {2, 3}, {3, 1});
  views.add("b", 0, {3, 2}, {2, 1});
  EXPECT_THAT(message_of([&] { prune(views); }), HasSubstr("different views"));
  EXPECT_THAT(folder_.names(), ElementsAre("raw"));
}

} // namespace
} // namespace coppice::shared_bytes_test
