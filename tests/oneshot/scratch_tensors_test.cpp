#include "oneshot/scratch_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "io/scratch_folder.h"
#include "support/temporary_folder.h"

namespace coppice::scratch_tensors_test {
namespace {

using oneshot::ScratchTensors;
using ::testing::IsEmpty;
using torch::Tensor;

TEST(ScratchTensors, AreFoundByALaterRunAsTheyWere) {
  const TemporaryFolder beside;
  const auto turned = torch::randn({5, 7}).to(torch::kHalf).t();
  {
    ScratchTensors tensors(beside.file("out"));
    const auto kept =
        tensors.keep("coppice-a", turned, {"told", {{"error", 0.1}}});
    EXPECT_TRUE(kept.tensor.equal(turned));
    EXPECT_EQ(kept.tensor.strides(), turned.strides());
    EXPECT_TRUE(kept.file->holds(kept.tensor.data_ptr()));
  }
  ScratchTensors tensors(beside.file("out"));
  const auto found = tensors.find("coppice-a", turned, "told");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->first.tensor.equal(turned));
  EXPECT_EQ(found->first.tensor.strides(), turned.strides());
  EXPECT_EQ(found->second.numbers.at("error"), 0.1);
  tensors.clear();
  EXPECT_TRUE(found->first.tensor.equal(turned));
}

TEST(ScratchTensors, AreFoundForWhatWasAskedAlone) {
  const TemporaryFolder beside;
  ScratchTensors tensors(beside.file("out"));
  const auto x = torch::randn({4, 4});
  tensors.keep("coppice-a", x, {"told", {}});
  EXPECT_TRUE(tensors.find("coppice-a", x, "told"));
  EXPECT_FALSE(tensors.find("coppice-b", x, "told"));
  EXPECT_FALSE(tensors.find("coppice-a", x, "other"));
  EXPECT_FALSE(tensors.find("coppice-a", x.to(torch::kDouble), "told"));
  EXPECT_FALSE(tensors.find("coppice-a", torch::ones({4, 5}), "told"));
  const auto path = tensors.path() + "/coppice-a";
  const auto bytes = read_file(path);
  std::ofstream(path, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  EXPECT_FALSE(tensors.find("coppice-a", x, "told"));
}

TEST(ScratchTensors, TakeThePlaceOfThoseThatFitAndAreNotWrittenTo) {
  const TemporaryFolder beside;
  ScratchTensors tensors(beside.file("out"));
  const auto values = torch::randn({6, 5}).t();
  const auto kept = tensors.keep("coppice-a", values, {});
  const auto weight = torch::zeros({6, 5}).t();
  const auto alias = weight.view({5, 6});
  ASSERT_TRUE(kept.fits(weight));
  kept.give_to(weight);
  EXPECT_TRUE(alias.equal(values));
  weight.zero_();
  EXPECT_TRUE(kept.tensor.equal(values));
  const auto again = torch::zeros({6, 5}).t();
  kept.give_to(again);
  EXPECT_TRUE(again.equal(values));
  EXPECT_FALSE(kept.fits(torch::zeros({5, 6})));
  EXPECT_FALSE(kept.fits(torch::zeros({6, 5}, torch::kDouble).t()));
  EXPECT_FALSE(kept.fits(torch::zeros({7, 5}).slice(0, 0, 6).t()));
}

TEST(ScratchTensors, LeaveNothingWithoutAnOutput) {
  const TemporaryFolder temporary;
  const std::string before =
      std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "/tmp";
  setenv("TMPDIR", temporary.path().c_str(), 1);
  ScratchTensors tensors("");
  setenv("TMPDIR", before.c_str(), 1);
  const auto x = torch::randn({4, 4});
  const auto kept = tensors.keep("coppice-a", x, {"told", {}});
  EXPECT_THAT(temporary.names(), IsEmpty());
  EXPECT_TRUE(kept.tensor.equal(x));
  EXPECT_FALSE(tensors.find("coppice-a", x, "told"));
}

} // namespace
} // namespace coppice::scratch_tensors_test
