#include "coppice/sparsify/saved_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>

#include "coppice/io/checkpoint.h"
#include "coppice/model/torch_tensors.h"
#include "coppice/sparsify/data_norm_sparsifier.h"
#include "coppice/sparsify/weight_norm_sparsifier.h"
#include "io/torch_file.h"
#include "support/errors.h"
#include "support/reference.h"
#include "support/temporary_folder.h"

namespace coppice::saved_state_test {
namespace {

using coppice::testing::has_reference;
using coppice::testing::kNoReference;
using coppice::testing::kReferencePython;
using coppice::testing::message_of;
using ::testing::HasSubstr;

torch::nn::Sequential two_layers() {
  return torch::nn::Sequential(
      torch::nn::Linear(8, 8), torch::nn::Linear(8, 4));
}

void prepare(WeightNormSparsifier& sparsifier, const ModelView& model) {
  sparsifier.prepare(
      model,
      {{"0.weight"}, {"1.weight", WeightNormOptions().sparsity_level(0.75)}});
}

/// Tensors of a file by name.
StateDict tensors_of(const std::string& path) {
  return open_checkpoint(path).state;
}

torch::Tensor tensor_in(const StateDict& state, const std::string& name) {
  const auto* found = state.find(name);
  EXPECT_NE(found, nullptr) << name;
  return as_tensor(*found).clone();
}

class SavedState : public ::testing::Test {
 protected:
  SavedState() {
    torch::manual_seed(7);
  }

  void run_python(const std::string& verb) const {
    const auto command = std::string(kReferencePython) +
        " '" COPPICE_TESTS "/sparsify/reference_states.py' " + verb + " '" +
        folder_.path() + "'";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }

  TemporaryFolder folder_;
  torch::nn::Sequential model_ = two_layers();
  WeightNormSparsifier sparsifier_;
};

TEST_F(SavedState, OfWeightsComesBack) {
  prepare(sparsifier_, *model_);
  sparsifier_.step();
  const auto state = sparsifier_.state_dict();
  save_state(state, folder_.file("s"));
  const auto loaded = load_sparsifier_state(folder_.file("s"));
  ASSERT_EQ(loaded.groups.size(), 2);
  EXPECT_EQ(loaded.groups[1].at("sparsity_level").toDouble(), 0.75);
  for (const auto& [fqn, values] : state.state) {
    EXPECT_TRUE(loaded.state.at(fqn).at("mask").toTensor().ne(0).equal(
        values.at("mask").toTensor()));
    EXPECT_TRUE(loaded.state.at(fqn).at("dropped").toTensor().equal(
        values.at("dropped").toTensor()));
  }
  const auto other = two_layers();
  WeightNormSparsifier second;
  prepare(second, *other);
  second.load_state_dict(loaded);
  EXPECT_TRUE(second.mask("0.weight").equal(sparsifier_.mask("0.weight")));
}

TEST_F(SavedState, OfDataComesBack) {
  DataNormSparsifier sparsifier({{"a", torch::randn({5, 8})}});
  sparsifier.step();
  save_state(sparsifier.state_dict(), folder_.file("s"));
  DataNormSparsifier second;
  second.load_state_dict(load_data_sparsifier_state(folder_.file("s")));
  EXPECT_TRUE(second.get_mask("a").equal(sparsifier.get_mask("a")));
  EXPECT_TRUE(second.get_data("a").equal(sparsifier.get_data("a")));
}

TEST_F(SavedState, OfAPreparedModelComesBack) {
  prepare(sparsifier_, *model_);
  sparsifier_.step();
  const auto state = prepared_state_dict(*model_, sparsifier_);
  EXPECT_NE(state.find("0.parametrizations.weight.original"), nullptr);
  EXPECT_EQ(state.find("0.weight"), nullptr);
  save_torch_state_dict(state, folder_.file("m"));

  const auto other = two_layers();
  WeightNormSparsifier second;
  prepare(second, *other);
  load_prepared_state_dict(*other, second, tensors_of(folder_.file("m")));
  const auto ours = model_->named_parameters();
  for (const auto& entry : other->named_parameters()) {
    EXPECT_TRUE(entry.value().equal(ours[entry.key()])) << entry.key();
  }
  EXPECT_TRUE(
      second.original("1.weight").equal(sparsifier_.original("1.weight")));
}

TEST_F(SavedState, OfAnotherModelChangesNothing) {
  prepare(sparsifier_, *model_);
  sparsifier_.step();
  const auto before = model_->parameters()[0].clone();
  auto state = prepared_state_dict(*model_, sparsifier_);
  auto renamed = state;
  renamed.tensors[0].name = "2.parametrizations.weight.original";
  EXPECT_THAT(
      message_of(
          [&] { load_prepared_state_dict(*model_, sparsifier_, renamed); }),
      HasSubstr("the state has no `0.weight`"));
  renamed = state;
  renamed.tensors.push_back(as_stored("0.bios", torch::ones({6})));
  EXPECT_THAT(
      message_of(
          [&] { load_prepared_state_dict(*model_, sparsifier_, renamed); }),
      HasSubstr("the model has no `0.bios`; the nearest is `0.bias`"));
  state.tensors[0] = as_stored(state.tensors[0].name, torch::ones({6, 9}));
  EXPECT_THAT(
      message_of(
          [&] { load_prepared_state_dict(*model_, sparsifier_, state); }),
      HasSubstr("expected the shape [8, 8], got [6, 9]"));
  EXPECT_TRUE(model_->parameters()[0].equal(before));
}

TEST_F(SavedState, IsNotReadFromWhatIsNone) {
  write_torch_file(folder_.file("s"), PickleDict());
  EXPECT_THROW(load_sparsifier_state(folder_.file("s")), FileError);
  EXPECT_THROW(load_data_sparsifier_state(folder_.file("s")), FileError);
  write_torch_file(folder_.file("s"), PickleValue(3));
  EXPECT_THROW(load_sparsifier_state(folder_.file("s")), FileError);
  PickleSparseTensor huge;
  huge.indices.tensor = as_stored("", torch::zeros({1, 1}, torch::kLong));
  huge.values.tensor = as_stored("", torch::ones({1}));
  huge.size = {int64_t(1) << 40};
  PickleDict mask;
  mask.set("mask", huge);
  PickleDict state;
  state.set("a", mask);
  PickleDict root;
  root.set("state", state);
  root.set("groups", PickleList());
  write_torch_file(folder_.file("s"), root);
  EXPECT_THROW(load_sparsifier_state(folder_.file("s")), FileError);
}

TEST_F(SavedState, TravelsFromPython) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  run_python("save");
  const auto expected = tensors_of(folder_.file("expected.pt"));
  prepare(sparsifier_, *model_);
  sparsifier_.load_state_dict(load_sparsifier_state(folder_.file("weight.pt")));
  load_prepared_state_dict(
      *model_, sparsifier_, tensors_of(folder_.file("model.pt")));
  for (const std::string i : {"0", "1"}) {
    const auto mask = tensor_in(expected, "mask_" + i);
    const auto original = tensor_in(expected, "original_" + i);
    EXPECT_TRUE(sparsifier_.mask(i + ".weight").equal(mask));
    EXPECT_TRUE(sparsifier_.original(i + ".weight").equal(original));
    EXPECT_TRUE(sparsifier_.groups()[i == "1"].weight().equal(original * mask));
  }
  DataNormSparsifier data;
  data.load_state_dict(load_data_sparsifier_state(folder_.file("data.pt")));
  for (const std::string name : {"a", "b"}) {
    EXPECT_TRUE(data.get_mask(name).equal(tensor_in(expected, "mask_" + name)));
    EXPECT_TRUE(data.get_data(name).equal(tensor_in(expected, "data_" + name)));
  }
}

TEST_F(SavedState, TravelsToPython) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  prepare(sparsifier_, *model_);
  sparsifier_.step();
  DataNormSparsifier data(
      {{"a", torch::randn({5, 8})}, {"b", torch::randn({4, 4})}});
  data.step();
  save_state(sparsifier_.state_dict(), folder_.file("cpp_weight.pt"));
  save_torch_state_dict(
      prepared_state_dict(*model_, sparsifier_), folder_.file("cpp_model.pt"));
  save_state(data.state_dict(), folder_.file("cpp_data.pt"));
  run_python("load");
  const auto loaded = tensors_of(folder_.file("loaded.pt"));
  EXPECT_TRUE(
      tensor_in(loaded, "weight_0").equal(sparsifier_.groups()[0].weight()));
  EXPECT_TRUE(
      tensor_in(loaded, "weight_1").equal(sparsifier_.groups()[1].weight()));
  EXPECT_EQ(tensor_in(loaded, "level_1").item<float>(), 0.75F);
  EXPECT_TRUE(tensor_in(loaded, "masked_a").equal(data.get_data("a", false)));
  EXPECT_TRUE(tensor_in(loaded, "masked_b").equal(data.get_data("b", false)));
}

} // namespace
} // namespace coppice::saved_state_test
