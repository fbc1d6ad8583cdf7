#include "graph/weight_uses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coppice::weight_uses_test {
namespace {

using graph::OpFamily;
using graph::weight_uses;
using graph::WeightUse;
using torch::jit::Module;

/// A module with a parameter `w`, a buffer `b` of its shape and a forward.
Module net_of(
    const std::string& body,
    std::vector<int64_t> shape = {6, 4},
    const std::string& arguments = "x") {
  Module net("Net");
  net.register_parameter("w", torch::randn(shape), false);
  net.register_buffer("b", torch::randn(shape));
  std::string text = "def forward(self, " + arguments + "):\n";
  for (size_t at = 0; at < body.size();) {
    const auto end = body.find('\n', at);
    text += "  " + body.substr(at, end - at) + "\n";
    at = end == std::string::npos ? body.size() : end + 1;
  }
  net.define(text);
  return net;
}

WeightUse use_in(
    const std::string& body,
    std::vector<int64_t> shape = {6, 4},
    const std::string& arguments = "x") {
  return weight_uses(net_of(body, std::move(shape), arguments)).tensors.at("w");
}

struct Case {
  const char* body;
  int in_dim;
  int out_dim;
};

TEST(WeightUses, AllKindsOfProducts) {
  for (const auto& [body, in, out] : std::vector<Case>{
           {"return torch.linear(x, self.w)", 1, 0},
           {"return torch.matmul(x, self.w)", 0, 1},
           {"return torch.matmul(x, self.w.t())", 1, 0},
           {"return torch.matmul(self.w, x)", 1, 0},
           {"return torch.mm(x, torch.transpose(self.w, 0, -1))", 1, 0},
           {"return torch.matmul(x, torch.permute(self.w, [1, 0]))", 1, 0},
           {"return torch.addmm(self.b, x, self.w)", 0, 1},
           {"return torch.einsum(\"bi,oi->bo\", [x, self.w])", 1, 0},
           {"return torch.einsum(\"bi,io\", [x, self.w])", 0, 1},
           {"return torch.linear(x, self.w * self.b)", 1, 0},
           {"return torch.linear(x, self.w.to(7).to(6))", 1, 0},
           {"return torch.linear(x, self.w + torch.randn_like(self.w))", 1, 0},
           {"a, c, d = torch.chunk(self.w, 3)\n"
            "return torch.linear(x, a) + torch.linear(x, d)",
            1,
            0},
           {"return torch.linear(x, torch.cat([self.w, self.b]))", 1, 0},
           {"y = x\nif x.size(0) > 2:\n  y = torch.linear(x, self.w)\n"
            "else:\n  y = x\nreturn y",
            1,
            0},
           {"for i in range(3):\n  x = torch.linear(x, self.w)\nreturn x",
            1,
            0},
       }) {
    const auto use = use_in(body);
    EXPECT_TRUE(use.is_multiplied()) << body;
    EXPECT_FALSE(use.is_unclear) << body;
    EXPECT_EQ(use.in_dim, in) << body;
    EXPECT_EQ(use.out_dim, out) << body;
    EXPECT_EQ(use.kind, WeightUse::Kind::kParameter);
  }
}

TEST(WeightUses, WhatOnlyMeetsTheInputIsNoWeight) {
  for (const char* body : {
           "return torch.matmul(x + self.w, self.b)",
           "return torch.linear(x * self.w, self.b)",
           "return torch.linear((x - self.w) / self.w, self.b)",
           "return torch.matmul(torch.cat([self.w, x]), self.b)",
           "return torch.linear(x, self.b) * torch.norm(self.w)",
           "return torch.einsum(\"bi,bi->bi\", [x, self.w])",
           "return torch.layer_norm(x, [6, 4], self.w, self.w)",
       }) {
    EXPECT_FALSE(use_in(body).is_multiplied()) << body;
    EXPECT_TRUE(use_in(body).is_read) << body;
  }
}

TEST(WeightUses, LookupsAreEmbeddings) {
  for (const char* body : {
           "return torch.embedding(self.w, x)",
           "return self.w[x]",
           "return torch.index_select(self.w, 0, x)",
       }) {
    const auto use = use_in(body);
    EXPECT_EQ(use.families.count(OpFamily::kEmbedding), 1) << body;
    EXPECT_FALSE(use.is_multiplied()) << body;
  }
  const auto tied =
      use_in("return torch.linear(torch.embedding(self.w, x), self.w)");
  EXPECT_EQ(tied.families.count(OpFamily::kEmbedding), 1);
  EXPECT_TRUE(tied.is_multiplied());
  // Whole matrices selected by an input: experts.
  EXPECT_TRUE(use_in("return torch.bmm(x, self.w[i])", {3, 6, 4}, "x, i")
                  .is_multiplied());
}

TEST(WeightUses, LayoutsOfConvolutionsAndBatches) {
  const auto transposed =
      use_in("return torch.conv_transpose1d(x, self.w)", {6, 4, 3});
  EXPECT_EQ(transposed.in_dim, 0);
  EXPECT_EQ(transposed.out_dim, 1);
  const auto batch = use_in("return torch.bmm(x, self.w)", {3, 6, 4});
  EXPECT_EQ(batch.in_dim, 1);
  EXPECT_EQ(batch.out_dim, 2);
  // Used both ways.
  const auto both =
      use_in("return torch.linear(torch.matmul(x, self.w), self.w)");
  EXPECT_TRUE(both.is_multiplied());
  EXPECT_EQ(both.in_dim, -1);
}

TEST(WeightUses, FollowsCallsOfSharedModules) {
  const auto inner = net_of("return torch.linear(x, self.w)");
  Module net("Outer");
  net.register_module("first", inner);
  net.register_module("again", inner);
  net.define("def forward(self, x):\n  return self.again.forward(x)\n");
  const auto uses = weight_uses(net);
  for (const char* name : {"first.w", "again.w"}) {
    EXPECT_TRUE(uses.tensors.at(name).is_multiplied()) << name;
  }
  EXPECT_EQ(uses.tensors.at("first.b").kind, WeightUse::Kind::kBuffer);
  EXPECT_FALSE(uses.tensors.at("first.b").is_read);
}

TEST(WeightUses, FollowsListsAndDictionaries) {
  Module net("Net");
  c10::List<at::Tensor> list({torch::randn({4, 4}), torch::randn({4, 4})});
  c10::Dict<std::string, at::Tensor> dict;
  dict.insert("w", torch::randn({4, 4}));
  dict.insert("u", torch::randn({4, 4}));
  net.register_attribute("l", c10::ListType::ofTensors(), c10::IValue(list));
  net.register_attribute(
      "d",
      c10::DictType::create(c10::StringType::get(), c10::TensorType::get()),
      c10::IValue(dict));
  net.define(
      "def forward(self, x):\n"
      "  return torch.matmul(torch.matmul(x, self.d[\"w\"]), self.l[1])\n");
  const auto uses = weight_uses(net).tensors;
  EXPECT_TRUE(uses.at("d.w").is_multiplied());
  EXPECT_FALSE(uses.at("d.u").is_multiplied());
  EXPECT_TRUE(uses.at("l.1").is_multiplied());
  EXPECT_FALSE(uses.at("l.0").is_multiplied());
}

TEST(WeightUses, ReadsMethodsThatNothingCalls) {
  auto inner = net_of("return torch.linear(x, self.w)");
  Module net("Outer");
  net.register_module("a", inner);
  net.define("def forward(self, x):\n  return x\n");
  EXPECT_TRUE(weight_uses(net).tensors.at("a.w").is_multiplied());
  EXPECT_TRUE(weight_uses(net).has_code);
  Module plain("Plain");
  plain.register_parameter("w", torch::randn({4, 4}), false);
  EXPECT_FALSE(weight_uses(plain).has_code);
}

TEST(WeightUses, SaysWhereItCannotFollow) {
  const auto use = use_in("return torch.matmul(x, torch.matrix_exp(self.w))");
  EXPECT_TRUE(use.is_unclear);
  EXPECT_FALSE(use.is_multiplied());
}

} // namespace
} // namespace coppice::weight_uses_test
