// Default decisions of prune for checkpoints named as in common libraries.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include "coppice/io/safetensors.h"
#include "coppice/model/torch_tensors.h"
#include "coppice/oneshot/prune_checkpoint.h"
#include "oneshot/checkpoint_families.h"
#include "support/temporary_folder.h"

namespace coppice::left_by_role_test {
namespace {

using testing::checkpoint_families;
using testing::NamedShape;

class LeftByDefault : public ::testing::Test {
 protected:
  void add(const NamedShape& row) {
    StoredTensor tensor;
    tensor.name = row.name;
    tensor.dtype = row.dtype;
    tensor.shape = row.shape;
    tensor.strides = contiguous_strides(row.shape);
    auto bytes = std::make_shared<std::vector<float>>(2 * tensor.numel());
    for (size_t i = 0; i < bytes->size(); ++i) {
      (*bytes)[i] = static_cast<float>(i % 17) + 0.5f;
    }
    tensor.data = reinterpret_cast<const std::byte*>(bytes->data());
    tensor.owner = bytes;
    state_.tensors.push_back(std::move(tensor));
  }

  PruneReport prune(PruneModifier modifier = {}) {
    const auto path = folder_.file("in");
    save_safetensors(path, state_);
    modifier.pattern = {0.5, {1, 1}, 1};
    PruneOptions options;
    options.dry_run = true;
    return prune_checkpoint(open_checkpoint(path), {modifier}, "", options);
  }

  std::string why_left(const PruneReport& report, const std::string& name) {
    for (const auto& tensor : report.tensors) {
      if (tensor.name == name) {
        return tensor.left_because;
      }
    }
    return "is not there";
  }

  StateDict state_;
  TemporaryFolder folder_;
};

TEST_F(LeftByDefault, CommonLibraries) {
  for (const auto& family : checkpoint_families()) {
    state_.tensors.clear();
    for (const auto& row : family.tensors) {
      add(row);
    }
    const auto report = prune();
    for (const auto& row : family.tensors) {
      EXPECT_EQ(why_left(report, row.name), row.left_because)
          << family.family << ": " << row.name;
    }
  }
}

TEST_F(LeftByDefault, UnderAPrefix) {
  for (const auto& family : checkpoint_families()) {
    state_.tensors.clear();
    for (auto row : family.tensors) {
      row.name = "state_dict.module." + row.name;
      add(row);
    }
    const auto report = prune();
    for (const auto& row : family.tensors) {
      EXPECT_EQ(
          why_left(report, "state_dict.module." + row.name), row.left_because)
          << family.family << ": " << row.name;
    }
  }
}

TEST_F(LeftByDefault, WhatIsNamedIsPrunedAllTheSame) {
  add({"shared.weight", {8, 4}});
  add({"encoder.fc.weight", {8, 4}});
  add({"pixel_std", {3, 1, 1}});
  PruneModifier modifier;
  modifier.targets = {"shared", "re:pixel"};
  const auto report = prune(modifier);
  EXPECT_EQ(why_left(report, "shared.weight"), "");
  EXPECT_EQ(why_left(report, "pixel_std"), "");
  EXPECT_EQ(why_left(report, "encoder.fc.weight"), "not a target");
}

TEST_F(LeftByDefault, AClassWordMeansLayers) {
  add({"model.embed_tokens.weight", {8, 4}});
  add({"model.q_proj.weight", {8, 4}});
  add({"model.mask_token", {8, 4}});
  add({"conv.weight", {8, 4, 3, 3}});
  add({"optimizer.state.0.exp_avg", {8, 4}});
  PruneModifier modifier;
  modifier.targets = {"Linear"};
  auto report = prune(modifier);
  EXPECT_EQ(why_left(report, "model.embed_tokens.weight"), "an embedding");
  EXPECT_EQ(why_left(report, "model.q_proj.weight"), "");
  EXPECT_EQ(why_left(report, "model.mask_token"), "tokens");
  EXPECT_EQ(why_left(report, "conv.weight"), "not a target");
  EXPECT_EQ(
      why_left(report, "optimizer.state.0.exp_avg"), "state of an optimizer");
  // A glob lifts the exclusion of what it matches.
  modifier.targets = {"Linear", "Conv2d", "model.embed*"};
  report = prune(modifier);
  EXPECT_EQ(why_left(report, "model.embed_tokens.weight"), "");
  EXPECT_EQ(why_left(report, "conv.weight"), "");
  EXPECT_EQ(why_left(report, "model.mask_token"), "tokens");
}

TEST_F(LeftByDefault, TablesOfMinusInfinity) {
  state_.tensors.push_back(as_stored(
      "additive",
      torch::full({6, 6}, -std::numeric_limits<float>::infinity()).triu(1)));
  add({"fc.weight", {6, 6}});
  EXPECT_EQ(why_left(prune(), "additive"), "a mask of minus infinity");
}

} // namespace
} // namespace coppice::left_by_role_test
