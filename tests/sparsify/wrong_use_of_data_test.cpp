// Wrong use of data sparsifiers: one clear sentence each, and no change of
// sparsifier and data.

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <limits>

#include "coppice/sparsify/data_norm_sparsifier.h"
#include "support/errors.h"

namespace coppice::wrong_use_of_data_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;

class WrongUseOfData : public ::testing::Test {
 protected:
  std::string add_message(
      const std::string& name,
      const Data& data,
      const SparsifierOptions& options = {},
      bool reuse_mask = true) {
    const auto message = message_of(
        [&] { sparsifier.add_data(name, data, reuse_mask, options); });
    // Nothing was changed.
    EXPECT_EQ(sparsifier.data_groups().size(), 1u);
    EXPECT_TRUE(sparsifier.get_data("users").is_same(users));
    EXPECT_TRUE(sparsifier.get_mask("users").equal(mask));
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }

  void SetUp() override {
    sparsifier.step();
    mask = sparsifier.get_mask("users");
    ASSERT_FALSE(mask.all().item<bool>());
  }

  torch::Tensor users = torch::randn({4, 8});
  torch::Tensor mask;
  DataNormSparsifier sparsifier{{{"users", users}}};
};

TEST_F(WrongUseOfData, AnUnknownName) {
  for (const auto& message :
       {message_of([&] { sparsifier.get_data("user"); }),
        message_of([&] { sparsifier.get_mask("user"); }),
        message_of([&] {
          sparsifier.squash_mask(true, {"users", "user"});
        }),
        message_of([&] { sparsifier.set_options("user", {}); }),
        message_of([&] { sparsifier.options("user"); })}) {
    EXPECT_THAT(
        message,
        HasSubstr(
            "there is no data named `user`; the nearest name is `users`"));
  }
  EXPECT_TRUE(users.ne(0).all().item<bool>()) << "nothing was squashed";
  EXPECT_THAT(
      message_of([] { DataNormSparsifier().get_data("a"); }),
      HasSubstr("none was added yet"));
}

TEST_F(WrongUseOfData, ANameThatIsEmptyOrHasADot) {
  EXPECT_THAT(
      add_message("fc1.weight", torch::ones({2, 2})),
      HasSubstr("add_data: expected a name that is not empty and has no dot, "
                "got `fc1.weight`"));
  EXPECT_THAT(add_message("", torch::ones({2, 2})), HasSubstr("got ``"));
  sparsifier.add_data("training", torch::ones({2, 2}));
}

TEST_F(WrongUseOfData, AddAfterSquash) {
  sparsifier.squash_mask();
  EXPECT_THAT(
      message_of([&] {
        sparsifier.add_data("users", torch::ones({4, 8}));
      }),
      HasSubstr("add_data: the mask of `users` was squashed"));
  // Another name can be added and is independent.
  sparsifier.add_data("items", torch::randn({4, 8}));
  sparsifier.step();
  EXPECT_FALSE(sparsifier.get_mask("items").all().item<bool>());
}

TEST_F(WrongUseOfData, SquashTwice) {
  sparsifier.squash_mask();
  EXPECT_THAT(
      message_of([&] { sparsifier.squash_mask(); }),
      HasSubstr("squash_mask: all masks were squashed before"));
  EXPECT_THAT(
      message_of([&] { sparsifier.squash_mask(true, {"users"}); }),
      HasSubstr("squash_mask: the mask of `users` was squashed before"));
}

TEST_F(WrongUseOfData, StepAfterSquash) {
  sparsifier.squash_mask();
  EXPECT_THAT(
      message_of([&] { sparsifier.step(); }),
      HasSubstr("step: the masks were squashed into the data"));
}

TEST_F(WrongUseOfData, IntegerData) {
  EXPECT_THAT(
      add_message("ids", torch::ones({4, 4}, torch::kLong)),
      AllOf(
          HasSubstr("expected a floating tensor, got one of type Long"),
          HasSubstr("while adding `ids`")));
}

TEST_F(WrongUseOfData, DataThatCannotBeMasked) {
  EXPECT_THAT(add_message("none", torch::Tensor()), HasSubstr("is undefined"));
  EXPECT_THAT(
      add_message("none", torch::nn::Embedding(nullptr)),
      HasSubstr("is undefined"));
  EXPECT_THAT(
      add_message("empty", torch::ones({0, 4})), HasSubstr("empty one"));
  EXPECT_THAT(
      add_message("sparse", torch::ones({4, 4}).to_sparse()),
      HasSubstr("expected a dense tensor"));
  EXPECT_THAT(
      add_message("expanded", torch::ones({1, 4}).expand({4, 4})),
      HasSubstr("expanded one of shape [4, 4]"));
  EXPECT_THAT(
      add_message("cube", torch::ones({2, 3, 4})),
      AllOf(
          HasSubstr("at most two dimensions"),
          HasSubstr("got shape [2, 3, 4]")));
}

TEST_F(WrongUseOfData, ShapesThatDifferWithReuseMask) {
  EXPECT_THAT(
      add_message("users", torch::ones({2, 2})),
      AllOf(
          HasSubstr("the mask to reuse has shape [4, 8], the new data [2, 2]"),
          HasSubstr("`reuse_mask`"),
          HasSubstr("while adding `users`")));
}

TEST_F(WrongUseOfData, AMaskOfAnotherShape) {
  EXPECT_THAT(
      add_message(
          "items",
          torch::ones({2, 2}),
          SparsifierOptions().set("mask", torch::ones({4}))),
      HasSubstr("option `mask`: expected a tensor of shape [2, 2]"));
  EXPECT_THAT(
      message_of([&] {
        sparsifier.set_options(
            "users", SparsifierOptions().set("mask", torch::ones({4, 8})));
      }),
      HasSubstr("give it to `add_data`"));
}

TEST_F(WrongUseOfData, OptionsOutOfRange) {
  const auto data = torch::ones({4, 4});
  EXPECT_THAT(
      add_message("items", data, DataNormOptions().zeros_per_block(9)),
      HasSubstr("expected 0 to 4"));
  EXPECT_THAT(
      add_message("users", users, DataNormOptions().sparsity_level(-0.25)),
      HasSubstr("expected a fraction in [0, 1], got -0.25"));
  EXPECT_THAT(
      add_message("items", data, SparsifierOptions().set("norm", 3)),
      HasSubstr("`norm`: expected 1 or 2, got 3"));
  EXPECT_THAT(
      message_of([&] {
        sparsifier.set_options(
            "users", DataNormOptions().sparse_block_shape({0, 4}));
      }),
      AllOf(HasSubstr("got (0, 4)"), HasSubstr("options of `users`")));
  EXPECT_EQ(
      DataNormOptions(sparsifier.data_groups()[0].options)
          .sparse_block_shape()
          .rows,
      1);
  for (const double level : {-0.1, 1.5}) {
    EXPECT_THAT(
        message_of([&] {
          DataNormSparsifier{DataNormOptions().sparsity_level(level)};
        }),
        HasSubstr("expected a fraction in [0, 1]"));
  }
}

TEST_F(WrongUseOfData, NanInTheData) {
  users[1][2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(
      message_of([&] { sparsifier.step(); }),
      AllOf(
          HasSubstr("got 1 of 32 that are NaN or infinite"),
          HasSubstr("while masking `users`")));
  EXPECT_TRUE(sparsifier.get_mask("users").equal(mask));
}

TEST_F(WrongUseOfData, DataThatWasGivenAnotherShape) {
  users.resize_({2, 8});
  EXPECT_THAT(
      message_of([&] { sparsifier.get_data("users", false); }),
      HasSubstr("the data `users` has the shape [2, 8] by now"));
  EXPECT_THAT(
      message_of([&] { sparsifier.squash_mask(); }),
      HasSubstr("its mask has [4, 8]"));
}

class WrongState : public WrongUseOfData {
 protected:
  /// The message of loading `state`, which changes nothing.
  std::string load_message(const DataSparsifierState& state) {
    const auto before = users.clone();
    const auto message = message_of([&] { sparsifier.load_state_dict(state); });
    EXPECT_TRUE(users.equal(before));
    EXPECT_TRUE(sparsifier.get_mask("users").equal(mask));
    EXPECT_EQ(sparsifier.data_groups().size(), 1u);
    return message;
  }

  /// A state of two tensors, the first of which could be loaded.
  DataSparsifierState good_state() {
    DataNormSparsifier other(
        {{"users", torch::ones({4, 8})}, {"items", torch::ones({4, 4})}});
    return other.state_dict();
  }
};

TEST_F(WrongState, OfOtherShapes) {
  auto state = good_state();
  state.container["parametrizations.users.original"] = torch::ones({2, 8});
  EXPECT_THAT(
      load_message(state),
      AllOf(
          HasSubstr("expected values of the data's shape [4, 8], got [2, 8]"),
          HasSubstr("while loading `users`")));
  state = good_state();
  state.state["items"]["mask"] = torch::ones({2, 2});
  EXPECT_THAT(
      load_message(state),
      AllOf(
          HasSubstr("`mask`: expected a tensor of shape [4, 4]"),
          HasSubstr("while loading `items`")));
}

TEST_F(WrongState, WithPartsThatAreMissing) {
  auto state = good_state();
  state.container.erase("parametrizations.items.original");
  EXPECT_THAT(load_message(state), HasSubstr("no values of this name"));
  state = good_state();
  state.state.erase("items");
  EXPECT_THAT(load_message(state), HasSubstr("no mask of this name"));
  state = good_state();
  state.data_groups.pop_back();
  EXPECT_THAT(load_message(state), HasSubstr("no group named `items`"));
  state = good_state();
  state.data_groups.push_back(state.data_groups[0]);
  EXPECT_THAT(load_message(state), HasSubstr("two groups named `users`"));
}

TEST_F(WrongState, WithOptionsOutOfRange) {
  auto state = good_state();
  state.data_groups[1].second["zeros_per_block"] = 9;
  EXPECT_THAT(load_message(state), HasSubstr("expected 0 to 4"));
}

} // namespace
} // namespace coppice::wrong_use_of_data_test
