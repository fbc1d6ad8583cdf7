#include "graph/exported_uses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/exported_op_name.h"
#include "support/exported_bytes.h"
#include "support/safetensors_bytes.h"

namespace coppice::graph::exported_uses_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::node_json;
using testing::tensor_json;
using ::testing::UnorderedElementsAre;
using Kind = WeightUse::Kind;

/// The uses of the small program's tensors where its nodes are `nodes`.
std::map<std::string, WeightUse> uses_in(const std::string& nodes) {
  auto file = testing::newer_exported();
  file.entry("net/models/model.json") = testing::program_json(nodes);
  const auto archive = io::read_exported_archive(
      archive::ZipArchive(testing::file_of(file.bytes(), "net.pt2")));
  return exported_uses(archive.models.at(0), "net.pt2").tensors;
}

/// {"name": ..., "arg": ...}
std::string argument(const std::string& name, const std::string& value) {
  return R"({"name": ")" + name + R"(", "arg": )" + value + "}";
}

std::string node(
    const std::string& target,
    const std::vector<std::string>& arguments,
    const std::string& output) {
  std::string text;
  for (const auto& each : arguments) {
    text += (text.empty() ? "" : ", ") + each;
  }
  return R"({"target": ")" + target + R"(", "inputs": [)" + text +
      R"(], "outputs": [)" + output + R"(], "metadata": {}})";
}

TEST(ExportedUses, FollowsWeightsToTheirOps) {
  const auto uses = uses_in(
      node_json("mul.Tensor", {{"self", "x"}, {"other", "b_s"}}, "mul") + ", " +
      node_json(
          "linear.default",
          {{"input", "mul"}, {"weight", "p_w"}, {"bias", "p_b"}},
          "add"));
  const auto& weight = uses.at("fc.weight");
  EXPECT_TRUE(weight.is_multiplied());
  EXPECT_FALSE(weight.is_unclear);
  EXPECT_THAT(weight.layers, ElementsAre("linear"));
  EXPECT_EQ(weight.in_dim, 1);
  EXPECT_EQ(weight.out_dim, 0);
  EXPECT_EQ(weight.kind, Kind::kParameter);
  EXPECT_TRUE(uses.at("tied").is_multiplied()); // It is the same.
  EXPECT_TRUE(uses.at("fc.bias").is_read);
  EXPECT_FALSE(uses.at("fc.bias").is_multiplied());
  EXPECT_EQ(uses.at("scale").kind, Kind::kBuffer);
  EXPECT_FALSE(uses.at("scale").is_multiplied());
  EXPECT_FALSE(uses.at("k").is_read);
}

TEST(ExportedUses, FollowsViewsAndKeepsTheirDimensions) {
  const auto uses = uses_in(
      node(
          "torch.ops.aten.permute.default",
          {argument("self", tensor_json("p_w")),
           argument("dims", R"({"as_ints": [1, 0]})")},
          tensor_json("permute")) +
      ", " +
      node_json(
          "addmm.default",
          {{"self", "p_b"}, {"mat1", "x"}, {"mat2", "permute"}},
          "add"));
  const auto& weight = uses.at("fc.weight");
  EXPECT_THAT(weight.layers, ElementsAre("linear"));
  EXPECT_EQ(weight.in_dim, 1);
  EXPECT_EQ(weight.out_dim, 0);
}

TEST(ExportedUses, KnowsArgumentsByTheirNames) {
  // The running statistics stand before what was left out, and so does the
  // weight of an embedding before the indices.
  const auto uses = uses_in(
      node_json(
          "embedding.default", {{"indices", "x"}, {"weight", "p_w"}}, "e") +
      ", " +
      node(
          "torch.ops.aten.layer_norm.default",
          {argument("bias", tensor_json("p_b")),
           argument("normalized_shape", R"({"as_ints": [4]})"),
           argument("input", tensor_json("e"))},
          tensor_json("add")));
  EXPECT_THAT(
      uses.at("fc.weight").families,
      UnorderedElementsAre(OpFamily::kEmbedding));
  EXPECT_THAT(uses.at("fc.bias").families, IsEmpty());
}

TEST(ExportedUses, FollowsPartsOfATensor) {
  const auto uses = uses_in(
      node(
          "torch.ops.aten.split.Tensor",
          {argument("self", tensor_json("p_w")),
           argument("split_size", R"({"as_int": 4})")},
          R"({"as_tensors": [{"name": "part_0"}, {"name": "part_1"}]})") +
      ", " +
      node_json(
          "linear.default", {{"input", "x"}, {"weight", "part_1"}}, "add"));
  EXPECT_TRUE(uses.at("fc.weight").is_multiplied());
  EXPECT_EQ(uses.at("fc.weight").in_dim, 1);
}

TEST(ExportedUses, SaysWhereItCannotFollow) {
  const auto uses = uses_in(node(
      "torch.ops.mine.product.default",
      {argument("input", tensor_json("x")),
       argument("weight", tensor_json("p_w"))},
      tensor_json("add")));
  EXPECT_TRUE(uses.at("fc.weight").is_unclear);
  EXPECT_FALSE(uses.at("fc.bias").is_unclear);
}

TEST(ExportedUses, FollowsBranches) {
  const std::string linear =
      node_json("linear.default", {{"input", "a"}, {"weight", "b"}}, "c");
  const std::string graph = R"({"inputs": [)" + tensor_json("b") + ", " +
      tensor_json("a") + R"(], "outputs": [)" + tensor_json("c") +
      R"(], "nodes": [)" + linear + "]}";
  const auto branch = [&](const std::string& name) {
    return R"({"as_graph": {"name": ")" + name + R"(", "graph": )" + graph +
        "}}";
  };
  const auto uses = uses_in(node(
      "torch.ops.higher_order.cond",
      {argument("pred", tensor_json("x")),
       argument("true_fn", branch("one")),
       argument("false_fn", branch("other")),
       argument(
           "operands", R"({"as_tensors": [{"name": "p_w"}, {"name": "x"}]})")},
      R"({"as_tensors": [{"name": "add"}]})"));
  EXPECT_TRUE(uses.at("fc.weight").is_multiplied());
}

TEST(ExportedUses, SurvivesNamesThatAreNotThere) {
  const auto uses = uses_in(
      node_json(
          "linear.default", {{"input", "no"}, {"weight", "nothing"}}, "y") +
      ", " +
      node_json("linear.default", {{"what", "x"}, {"ever", "p_w"}}, "add") +
      ", " +
      node(
          "_operator.mul",
          {argument("", R"({"as_sym_int": {"as_name": "s"}})"),
           argument("", R"({"as_int": 2})")},
          R"({"as_sym_int": {"as_name": "t"}})") +
      ", " + node("what", {}, R"({"as_none": true})"));
  EXPECT_TRUE(uses.at("fc.weight").is_read);
}

TEST(OpName, TakesTargetsApart) {
  const auto text = [](const char* target) {
    const auto op = op_name_of(target);
    return op.name + "|" + op.overload;
  };
  EXPECT_EQ(text("torch.ops.aten.linear.default"), "aten::linear|");
  EXPECT_EQ(text("torch.ops.aten.add.Tensor"), "aten::add|Tensor");
  EXPECT_EQ(text("torch.ops.higher_order.cond"), "higher_order::cond|");
  EXPECT_EQ(text("_operator.mul"), "python::_operator.mul|");
}

} // namespace
} // namespace coppice::graph::exported_uses_test
