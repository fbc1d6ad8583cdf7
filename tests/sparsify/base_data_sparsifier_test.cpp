// docs/reference.md 7.7, Base.*, and docs/reference.md 8.

#include "coppice/sparsify/base_data_sparsifier.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <functional>

#include "support/errors.h"

namespace coppice::base_data_sparsifier_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;

/// The reference's ImplementedSparsifier: drops row 0 and counts its steps.
class ImplementedDataSparsifier : public BaseDataSparsifier {
 public:
  using BaseDataSparsifier::BaseDataSparsifier;

 protected:
  torch::Tensor update_mask(DataGroup& group) override {
    auto& count = group.state["step_count"];
    count = count.isInt() ? count.toInt() + 1 : 1;
    auto mask = group.mask.clone();
    mask[0] = false;
    return mask;
  }
};

SparsifierOptions test_option(int64_t value) {
  return SparsifierOptions().set("test", value);
}

std::vector<NamedData> tensors() {
  return {
      {"tensor1", torch::randn({3, 3})},
      {"tensor2", torch::randn({4, 4})},
      {"tensor3", torch::randn({5, 5})}};
}

std::vector<NamedData> parameters() {
  std::vector<NamedData> data;
  for (const auto& entry : tensors()) {
    auto parameter = entry.data.tensor();
    data.push_back({"parameter_" + entry.name, parameter.requires_grad_()});
  }
  return data;
}

std::vector<NamedData> embeddings() {
  using torch::nn::Embedding;
  using torch::nn::EmbeddingBag;
  return {
      {"emb1", Embedding(10, 3)},
      {"emb2", Embedding(20, 3)},
      {"emb1_bag", EmbeddingBag(10, 3)},
      {"emb3_bag", EmbeddingBag(15, 3)}};
}

int count_of(const std::string& text, const std::string& part) {
  int count = 0;
  for (auto at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

/// The kinds of data of the reference's tests.
class BaseTestData
    : public ::testing::TestWithParam<std::vector<NamedData> (*)()> {
 protected:
  BaseTestData() : data(GetParam()()), sparsifier(data, test_option(3)) {
    torch::manual_seed(0);
    sparsifier.add_data("more1", first, true, test_option(7));
    sparsifier.add_data("more2", torch::randn({4, 4}), true, test_option(8));
  }

  std::vector<NamedData> data;
  torch::Tensor first = torch::randn({1, 1});
  ImplementedDataSparsifier sparsifier;
};

// docs/reference.md 7.7, check_constructor.
TEST_P(BaseTestData, Constructor) {
  const auto& groups = sparsifier.data_groups();
  ASSERT_EQ(groups.size(), data.size() + 2);
  for (size_t i = 0; i < data.size(); ++i) {
    EXPECT_EQ(groups[i].name, data[i].name);
    EXPECT_EQ(groups[i].options.get("test").toInt(), 3);
  }
  EXPECT_EQ(groups[data.size()].options.get("test").toInt(), 7);
  EXPECT_EQ(groups[data.size() + 1].options.get("test").toInt(), 8);
}

// docs/reference.md 7.7, check_step: row 0 is zero, the original is not.
TEST_P(BaseTestData, Step) {
  std::vector<torch::Tensor> before;
  for (const auto& entry : data) {
    before.push_back(entry.data.tensor().detach().clone());
  }
  for (int i = 0; i < 3; ++i) {
    sparsifier.step();
  }
  for (size_t i = 0; i < data.size(); ++i) {
    const auto& name = data[i].name;
    const auto masked = sparsifier.get_data(name, /*return_original=*/false);
    EXPECT_TRUE(masked[0].eq(0).all().item<bool>());
    EXPECT_TRUE(masked.slice(0, 1).equal(before[i].slice(0, 1)));
    EXPECT_TRUE(sparsifier.get_data(name).equal(before[i]));
    EXPECT_EQ(sparsifier.data_groups()[i].state.at("step_count").toInt(), 3);
  }
  EXPECT_EQ(sparsifier.step_count(), 3);
}

// docs/reference.md 7.7, check_squash_mask.
TEST_P(BaseTestData, SquashMask) {
  sparsifier.step();
  std::vector<torch::Tensor> masked;
  for (const auto& entry : data) {
    masked.push_back(sparsifier.get_data(entry.name, false).detach());
  }
  sparsifier.squash_mask();
  for (size_t i = 0; i < data.size(); ++i) {
    const auto& name = data[i].name;
    EXPECT_THAT(
        message_of([&] { sparsifier.get_data(name); }),
        HasSubstr("get_data: the mask of `" + name + "` was squashed"));
    EXPECT_TRUE(sparsifier.get_data(name, false).equal(masked[i]));
    // Quirk 46: the same tensor, and here the same storage.
    EXPECT_TRUE(
        sparsifier.get_data(name, false).is_same(data[i].data.tensor()));
    EXPECT_TRUE(data[i].data.tensor().equal(masked[i]));
    EXPECT_TRUE(sparsifier.get_mask(name)[0].eq(false).all().item<bool>());
  }
}

// docs/reference.md 7.7, check_add_data.
TEST_P(BaseTestData, AddDataReplacesDataOfTheSameName) {
  const auto& name = data[0].name;
  sparsifier.step();
  const auto mask = sparsifier.get_mask(name);
  const auto fresh = torch::randn_like(data[0].data.tensor());
  ::testing::internal::CaptureStderr();
  const auto masked = sparsifier.add_data(name, fresh);
  EXPECT_EQ(
      count_of(
          ::testing::internal::GetCapturedStderr(),
          "Replacing the existing data `" + name + "`"),
      1);
  EXPECT_TRUE(sparsifier.get_mask(name).equal(mask)) << "it is reused";
  EXPECT_TRUE(sparsifier.get_data(name).is_same(fresh));
  EXPECT_TRUE(masked.equal(fresh * mask));
  EXPECT_EQ(sparsifier.options(name).at("test").toInt(), 3);
  EXPECT_EQ(sparsifier.data_groups()[0].name, name) << "it keeps its place";
  EXPECT_TRUE(sparsifier.data_groups()[0].state.empty());
  // The replaced data does not change.
  EXPECT_TRUE(data[0].data.tensor()[0].ne(0).all().item<bool>());

  sparsifier.add_data(name, fresh, /*reuse_mask=*/false, test_option(9));
  EXPECT_TRUE(sparsifier.get_mask(name).all().item<bool>());
  EXPECT_EQ(sparsifier.options(name).at("test").toInt(), 9);
  sparsifier.add_data(name, torch::randn({2, 7}), /*reuse_mask=*/false);
  EXPECT_EQ(sparsifier.get_mask(name).size(1), 7);
  EXPECT_EQ(sparsifier.options(name).at("test").toInt(), 9)
      << "old options, not the defaults";
}

// docs/reference.md 7.7, check_state_dict.
TEST_P(BaseTestData, StateDictLoadsIntoASparsifierOfOneTensor) {
  sparsifier.step();
  const auto state = sparsifier.state_dict();
  const auto& name = data[0].name;
  EXPECT_EQ(
      state.container.count("parametrizations." + name + ".original"), 1u);
  const auto shape = data[0].data.tensor().sizes();
  auto own = torch::zeros(shape).requires_grad_();
  ImplementedDataSparsifier other({{name, own}}, test_option(4));
  other.load_state_dict(state);
  ASSERT_EQ(other.data_groups().size(), data.size() + 2);
  for (size_t i = 0; i < other.data_groups().size(); ++i) {
    const auto& ours = other.data_groups()[i];
    const auto& theirs = sparsifier.data_groups()[i];
    EXPECT_EQ(ours.name, theirs.name);
    EXPECT_TRUE(ours.mask.equal(theirs.mask));
    EXPECT_TRUE(ours.data.equal(theirs.data));
    EXPECT_EQ(ours.state.at("step_count").toInt(), 1);
    EXPECT_EQ(
        ours.options.get("test").toInt(), theirs.options.get("test").toInt());
    EXPECT_FALSE(ours.squashed);
  }
  // Quirk 32: the reference's data is a buffer now, and no longer the caller's.
  EXPECT_TRUE(other.get_data(name).is_same(own));
  EXPECT_TRUE(own.equal(data[0].data.tensor()));
  EXPECT_TRUE(own.requires_grad());
}

// docs/reference.md 7.7, check_memory_reference.
TEST_P(BaseTestData, MemoryReference) {
  sparsifier.step();
  const torch::NoGradGuard no_grad;
  for (const auto& entry : data) {
    auto tensor = entry.data.tensor();
    EXPECT_TRUE(sparsifier.get_data(entry.name).is_same(tensor));
    tensor.fill_(5);
    EXPECT_TRUE(sparsifier.get_data(entry.name).eq(5).all().item<bool>());
    const auto masked = sparsifier.get_data(entry.name, false);
    EXPECT_TRUE(masked[0].eq(0).all().item<bool>());
    EXPECT_TRUE(masked.slice(0, 1).eq(5).all().item<bool>());
    // As the reference's tests write, and LibTorch's optimizers.
    tensor.data().mul_(2);
    EXPECT_TRUE(sparsifier.get_data(entry.name).eq(10).all().item<bool>());
  }
}

std::string kind_name(
    const ::testing::TestParamInfo<BaseTestData::ParamType>& info) {
  const char* const names[] = {"Tensors", "Parameters", "Embeddings"};
  return names[info.index];
}

INSTANTIATE_TEST_SUITE_P(
    Kinds,
    BaseTestData,
    ::testing::Values(&tensors, &parameters, &embeddings),
    kind_name);

TEST(BaseDataSquash, TakesNamesAndMayLeaveTheOriginal) {
  auto a = torch::ones({2, 2});
  auto b = torch::ones({2, 2});
  ImplementedDataSparsifier sparsifier({{"a", a}, {"b", b}});
  sparsifier.step();
  sparsifier.squash_mask(/*leave_parametrized=*/true, {"a"});
  EXPECT_EQ(a.sum().item<float>(), 2);
  EXPECT_EQ(b.sum().item<float>(), 4);
  EXPECT_EQ(sparsifier.get_data("b", false).sum().item<float>(), 2);
  const auto state = sparsifier.state_dict();
  EXPECT_EQ(state.container.count("a"), 1u);
  EXPECT_EQ(state.container.count("parametrizations.b.original"), 1u);

  sparsifier.squash_mask(/*leave_parametrized=*/false);
  EXPECT_EQ(b.sum().item<float>(), 4);
  EXPECT_EQ(sparsifier.get_data("b", false).sum().item<float>(), 4);
  EXPECT_FALSE(sparsifier.get_mask("b").all().item<bool>());
}

// The reference fails, half done, once a name was squashed.
TEST(BaseDataSquash, StepGoesOnWithTheRestWhenSomeIsSquashed) {
  ImplementedDataSparsifier sparsifier(
      {{"a", torch::ones({2, 2})}, {"b", torch::ones({2, 2})}});
  sparsifier.squash_mask(true, {"a"});
  sparsifier.step();
  EXPECT_TRUE(sparsifier.get_mask("a").all().item<bool>());
  EXPECT_FALSE(sparsifier.get_mask("b").all().item<bool>());
  sparsifier.squash_mask();
  EXPECT_EQ(sparsifier.get_data("a", false).sum().item<float>(), 4);
  EXPECT_EQ(sparsifier.get_data("b", false).sum().item<float>(), 2);
}

TEST(BaseDataStep, DoesNothingWhileMaskUpdatesAreDisabled) {
  ImplementedDataSparsifier sparsifier({{"a", torch::ones({2, 2})}});
  sparsifier.enable_mask_update(false);
  sparsifier.step();
  EXPECT_TRUE(sparsifier.get_mask("a").all().item<bool>());
  EXPECT_EQ(sparsifier.step_count(), 1);
  sparsifier.enable_mask_update(true);
  sparsifier.step();
  EXPECT_FALSE(sparsifier.get_mask("a").all().item<bool>());
}

TEST(BaseDataStep, LeavesEverythingAsItWasWhenOneTensorFails) {
  class FailsAtB : public ImplementedDataSparsifier {
   public:
    using ImplementedDataSparsifier::ImplementedDataSparsifier;

   protected:
    torch::Tensor update_mask(DataGroup& group) override {
      auto mask = ImplementedDataSparsifier::update_mask(group);
      return group.name == "b" ? torch::ones({1}) : mask;
    }
  } sparsifier({{"a", torch::ones({2, 2})}, {"b", torch::ones({2, 2})}});
  EXPECT_THAT(
      message_of([&] { sparsifier.step(); }),
      AllOf(
          HasSubstr("update_mask: expected a tensor of shape [2, 2]"),
          HasSubstr("while masking `b`")));
  EXPECT_TRUE(sparsifier.get_mask("a").all().item<bool>());
  EXPECT_TRUE(sparsifier.data_groups()[0].state.empty());
  EXPECT_EQ(sparsifier.step_count(), 0);
}

// mask * original there has NaN and -0 where an entry is dropped.
TEST(BaseDataMasked, IsZeroWhereDroppedWhateverTheOriginal) {
  auto data = torch::full({2, 2}, -1.0f);
  data[0][0] = std::numeric_limits<float>::quiet_NaN();
  ImplementedDataSparsifier sparsifier({{"a", data}});
  sparsifier.step();
  const auto masked = sparsifier.get_data("a", false);
  EXPECT_TRUE(masked[0].eq(0).all().item<bool>());
  EXPECT_FALSE(masked[0].signbit().any().item<bool>());
}

TEST(BaseDataMasked, LetsGradientsFlowToTheOriginal) {
  auto data = torch::ones({2, 2}).requires_grad_();
  ImplementedDataSparsifier sparsifier({{"a", data}});
  sparsifier.step();
  sparsifier.get_data("a", false).mul(3).sum().backward();
  EXPECT_TRUE(data.grad().equal(torch::tensor({{0.f, 0.f}, {3.f, 3.f}})));
}

// The reference's step fails for half types on the CPU.
TEST(BaseDataMasked, KeepsTheDtype) {
  for (const auto dtype : {torch::kHalf, torch::kBFloat16, torch::kDouble}) {
    ImplementedDataSparsifier sparsifier({{"a", torch::ones({2, 2}, dtype)}});
    sparsifier.step();
    EXPECT_EQ(sparsifier.get_data("a", false).scalar_type(), dtype);
  }
}

TEST(BaseDataMask, CanBeGivenAndIsACopy) {
  auto mask = torch::eye(2);
  ImplementedDataSparsifier sparsifier;
  sparsifier.add_data(
      "a", torch::ones({2, 2}), true, SparsifierOptions().set("mask", mask));
  mask.zero_();
  sparsifier.get_mask("a").fill_(false);
  EXPECT_TRUE(sparsifier.get_mask("a").equal(torch::eye(2).ne(0)));
  EXPECT_EQ(sparsifier.options("a").count("mask"), 0u);
  // The reference ignores a mask that is given with data to replace.
  sparsifier.add_data(
      "a",
      torch::ones({2, 2}),
      true,
      SparsifierOptions().set("mask", torch::ones({2, 2})));
  EXPECT_TRUE(sparsifier.get_mask("a").all().item<bool>());
}

TEST(BaseDataState, IsACopyAndTakesSparseMasks) {
  auto data = torch::ones({2, 2});
  ImplementedDataSparsifier sparsifier({{"a", data}});
  sparsifier.step();
  auto state = sparsifier.state_dict();
  data.fill_(7);
  sparsifier.squash_mask();
  EXPECT_EQ(
      state.container.at("parametrizations.a.original").sum().item<float>(), 4);
  // As the reference saves them.
  state.state["a"]["mask"] =
      torch::tensor({{0, 0}, {0, 1}}, torch::kChar).to_sparse();
  sparsifier.load_state_dict(state);
  EXPECT_TRUE(sparsifier.get_data("a").is_same(data)) << "live again";
  EXPECT_TRUE(data.eq(1).all().item<bool>());
  EXPECT_EQ(sparsifier.get_mask("a").sum().item<int64_t>(), 1);
}

TEST(BaseDataState, BringsSquashedDataBackSquashed) {
  ImplementedDataSparsifier sparsifier({{"a", torch::ones({2, 2})}});
  sparsifier.step();
  sparsifier.squash_mask();
  ImplementedDataSparsifier other;
  other.load_state_dict(sparsifier.state_dict());
  EXPECT_TRUE(other.data_groups()[0].squashed);
  EXPECT_EQ(other.get_data("a", false).sum().item<float>(), 2);
}

// Non-strict, the reference fails for a name that both have.
TEST(BaseDataState, KeepsOtherDataUnlessStrict) {
  ImplementedDataSparsifier one({{"a", torch::ones({2, 2})}});
  one.step();
  auto a = torch::zeros({2, 2});
  auto b = torch::ones({3, 3});
  ImplementedDataSparsifier both({{"b", b}, {"a", a}});
  both.load_state_dict(one.state_dict(), /*strict=*/false);
  ASSERT_EQ(both.data_groups().size(), 2u);
  EXPECT_EQ(both.data_groups()[1].name, "a");
  EXPECT_TRUE(a.eq(1).all().item<bool>());
  EXPECT_FALSE(both.get_mask("a").all().item<bool>());
  both.load_state_dict(one.state_dict());
  EXPECT_EQ(both.data_groups().size(), 1u);
  EXPECT_TRUE(b.eq(1).all().item<bool>());
}

TEST(BaseDataOptions, CanBeChangedAndPrinted) {
  ImplementedDataSparsifier sparsifier(tensors(), test_option(3));
  sparsifier.set_options("tensor2", test_option(4));
  EXPECT_EQ(sparsifier.options("tensor1").at("test").toInt(), 3);
  EXPECT_EQ(sparsifier.options("tensor2").at("test").toInt(), 4);
  std::ostringstream text;
  text << sparsifier;
  EXPECT_THAT(
      text.str(),
      HasSubstr("\n\tData Group\n\t    name: tensor2\n\t    test: 4\n"));
}

} // namespace
} // namespace coppice::base_data_sparsifier_test
