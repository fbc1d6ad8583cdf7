#include "coppice/sparsify/activation_functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "coppice/sparsify/activation_sparsifier.h"
#include "support/errors.h"
#include "support/identity_models.h"

namespace coppice::activation_functions_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using torch::Tensor;

/// A sparsifier of one layer, and its inputs.
struct Watched {
  explicit Watched(const ActivationOptions& options)
      : sparsifier(model.layers, all_kept()) {
    sparsifier.register_layer("0", options);
  }

  static ActivationOptions all_kept() {
    return ActivationOptions()
        .reduce_fn(reduce_none())
        .mask_fn(mask_magnitude())
        .set("sparsity_level", 0.0);
  }

  Watched& enter(const Tensor& activation) {
    model.forward(activation);
    return *this;
  }
  Tensor data() const {
    return sparsifier.data_groups().at(0).data().at(0);
  }

  testing::IdentityModel model = testing::bare_site();
  ActivationSparsifier sparsifier;
};

Watched watch(AggregateFunction function) {
  return Watched(ActivationOptions().aggregate_fn(std::move(function)));
}

struct ShippedCase {
  const char* name;
  std::vector<float> gathered; ///< Of {1, -4}, then {-3, 2}.
  std::vector<float> from_first_value;
};

class Aggregates : public ::testing::TestWithParam<ShippedCase> {};

TEST_P(Aggregates, GatherFromZeroOrFromTheFirstValue) {
  const auto& [name, from_zero, from_first] = GetParam();
  for (const bool first_value : {false, true}) {
    Watched watched(ActivationOptions()
                        .aggregate_fn(aggregate_function(name))
                        .first_value_seed(first_value));
    watched.enter(torch::tensor({{1.F, -4.F}}))
        .enter(torch::tensor({{-3.F, 2.F}}));
    EXPECT_TRUE(watched.data().equal(
        torch::tensor(first_value ? from_first : from_zero).unsqueeze(0)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shipped,
    Aggregates,
    ::testing::Values(
        ShippedCase{"sum", {-2, -2}, {-2, -2}},
        ShippedCase{"mean", {-1, -1}, {-1, -1}},
        ShippedCase{"max", {1, 2}, {1, 2}},
        ShippedCase{"abs_sum", {4, 6}, {4, 6}},
        ShippedCase{"abs_mean", {2, 3}, {2, 3}},
        ShippedCase{"abs_max", {3, 4}, {3, 4}}),
    [](const auto& info) { return std::string(info.param.name); });

// Quirk 21.
TEST(FirstValueSeed, LetsAMaximumBeNegativeAndAnAverageBeUnbiased) {
  const auto x = torch::tensor({{-1.F, -2.F}});
  EXPECT_TRUE(
      watch(aggregate_max()).enter(x).data().equal(torch::zeros_like(x)));
  const auto average = [](const Tensor& a, const Tensor& b) {
    return 0.5 * a + 0.5 * b;
  };
  EXPECT_TRUE(watch(average).enter(x).data().equal(x / 2));
  const auto options = ActivationOptions().first_value_seed(true);
  EXPECT_TRUE(Watched(ActivationOptions(options).aggregate_fn(aggregate_max()))
                  .enter(x)
                  .data()
                  .equal(x));
  EXPECT_TRUE(Watched(ActivationOptions(options).aggregate_fn(average))
                  .enter(x)
                  .enter(x)
                  .data()
                  .equal(x));
}

TEST(BatchSizes, SmallerAndLargerBatchesMeetInTheFirstRows) {
  const auto full = [](int64_t rows, float value) {
    return torch::full({rows, 2}, value);
  };
  auto sum = watch(aggregate_sum());
  sum.enter(full(2, 1)).enter(full(1, 10)).enter(full(3, 100));
  const auto column = [](std::vector<float> rows) {
    return torch::tensor(rows).unsqueeze(1).expand({-1, 2});
  };
  EXPECT_TRUE(sum.data().equal(column({111, 101, 100})));
  // The mask is for the largest batch.
  EXPECT_EQ(sum.sparsifier.get_mask("0").whole().size(0), 3);
  auto mean = watch(aggregate_mean());
  mean.enter(full(2, 1)).enter(full(1, 10)).enter(full(3, 100));
  EXPECT_TRUE(mean.data().equal(column({37, 50.5, 100})));
  Watched highest(
      ActivationOptions().aggregate_fn(aggregate_max()).first_value_seed(true));
  highest.enter(full(1, -1)).enter(full(2, -2));
  EXPECT_TRUE(highest.data().equal(column({-1, -2})));
}

TEST(BatchSizes, OtherDimensionsMayNotDiffer) {
  auto watched = watch(aggregate_sum());
  watched.enter(torch::ones({2, 3}));
  EXPECT_THAT(
      message_of([&] {
        watched.enter(torch::ones({2, 4}));
      }),
      HasSubstr("an activation of shape [2, 4] came after one of shape [2, 3]; "
                "only dimension 0, the batch, may differ (at the input of "
                "layer `0`)"));
  EXPECT_THAT(
      message_of([&] { watched.enter(torch::ones({3})); }),
      HasSubstr("shape [3]"));
  EXPECT_TRUE(watched.data().equal(torch::ones({2, 3})));
}

TEST(BatchSizes, AFunctionOfTheUsersOwnSeesOneSizeUnlessItTakesAny) {
  const auto last = [](const Tensor&, const Tensor& x) { return x; };
  auto watched = watch(last);
  watched.enter(torch::ones({2, 3}));
  // It would broadcast, and count one sample twice.
  EXPECT_THAT(
      message_of([&] {
        watched.enter(torch::ones({1, 3}));
      }),
      HasSubstr("unless it is made by AggregateFunction::of_any_batch_size"));
  auto any = watch(AggregateFunction::of_any_batch_size(last));
  any.enter(torch::ones({2, 3})).enter(torch::ones({1, 3}));
  EXPECT_EQ(any.data().size(0), 1);
}

TEST(Aggregates, MeansAreGatheredInFloat32AtLeast) {
  auto watched = watch(aggregate_mean());
  for (int i = 0; i < 300; ++i) {
    watched.enter(torch::full({1, 1}, 255, torch::kHalf));
  }
  EXPECT_EQ(watched.data().scalar_type(), torch::kFloat);
  EXPECT_EQ(watched.data().item<float>(), 255) << "the sum is beyond float16";
  EXPECT_EQ(
      watch(aggregate_mean()).enter(torch::arange(2)).data().scalar_type(),
      torch::kFloat);
}

TEST(Aggregates, ScalarActivationsWork) {
  for (const std::string name : {"sum", "mean", "abs_max"}) {
    auto watched = watch(aggregate_function(name));
    watched.enter(torch::tensor(2.F));
    EXPECT_EQ(watched.data().item<float>(), 2) << name;
  }
}

TEST(Aggregates, WhatTheCallerWritesLaterDoesNotReachWhatWasGathered) {
  auto watched = watch([](const Tensor&, const Tensor& x) { return x; });
  auto x = torch::ones({2});
  watched.enter(x);
  x.fill_(7);
  watched.data().fill_(9);
  EXPECT_TRUE(watched.data().equal(torch::ones({2})));
}

TEST(Aggregates, AFunctionThatGivesNothingIsAnError) {
  auto watched = watch([](const Tensor&, const Tensor&) { return Tensor(); });
  EXPECT_THAT(
      message_of([&] { watched.enter(torch::ones({2})); }),
      HasSubstr(
          "the aggregate function returned no tensor (at the input of layer "
          "`0`)"));
}

TEST(Reduces, GoOverDimensionZero) {
  const auto x = torch::tensor({{3.F, -1.F}, {-4.F, 0.F}});
  const std::map<std::string, std::vector<float>> expected = {
      {"mean", {-0.5, -0.5}},
      {"sum", {-1, -1}},
      {"max", {3, 0}},
      {"abs_mean", {3.5, 0.5}},
      {"abs_max", {4, 1}},
      {"l2", {5, 1}}};
  for (const auto& [name, values] : expected) {
    const auto reduced = torch::tensor(values);
    EXPECT_TRUE(reduce_function(name)(x).equal(reduced)) << name;
    EXPECT_TRUE(
        reduce_function(name + "_keepdim")(x).equal(reduced.unsqueeze(0)))
        << name;
    EXPECT_EQ(reduce_function(name).name(), name);
  }
  EXPECT_TRUE(reduce_none()(x).is_same(x));
  EXPECT_EQ(reduce_function("identity").name(), "none");
}

TEST(Masks, MagnitudeDropsTheLowestHalfToEvenAndTheLowerIndexFirst) {
  const auto drops = [](int64_t elements, double level) {
    const auto mask =
        mask_magnitude()(torch::ones({elements}), {{"sparsity_level", level}});
    const auto count = elements - mask.sum().item<int64_t>();
    EXPECT_FALSE(mask.slice(0, 0, count).any().item<bool>());
    return count;
  };
  EXPECT_EQ(drops(5, 0.5), 2);
  EXPECT_EQ(drops(7, 0.5), 4);
  EXPECT_EQ(drops(12, 0.3), 4);
  EXPECT_EQ(drops(4, 1.0), 4);
  EXPECT_EQ(drops(4, 0.0), 0);
  const auto mask = mask_magnitude()(
      torch::tensor({{3.F, -4.F}, {-1.F, 2.F}}), {{"sparsity_level", 0.5}});
  EXPECT_TRUE(mask.equal(torch::tensor({{true, true}, {false, false}})));
}

TEST(Masks, ThresholdTopKAndNm) {
  const auto x = torch::tensor({{3.F, -4.F, 0.5F, 1.F}});
  EXPECT_TRUE(mask_threshold()(x, {{"threshold", 1}})
                  .equal(torch::tensor({{true, true, false, false}})));
  EXPECT_TRUE(mask_top_k()(x, {{"k", 3}})
                  .equal(torch::tensor({{true, true, false, true}})));
  EXPECT_TRUE(mask_nm()(x[0], {{"n", 1}, {"m", 2}})
                  .equal(torch::tensor({false, true, false, true})));
  // Groups do not run from one row into the next.
  const auto rows = mask_nm()(torch::ones({2, 1, 3}), {{"n", 1}, {"m", 2}});
  EXPECT_TRUE(rows.reshape({2, 3}).equal(
      torch::tensor({{false, true, false}, {false, true, false}})));
}

TEST(Masks, AScalarHasAMaskOfItsOwn) {
  const auto x = torch::tensor(2.F);
  EXPECT_TRUE(mask_magnitude()(x, {{"sparsity_level", 0.0}}).item<bool>());
  EXPECT_TRUE(mask_threshold()(x, {{"threshold", 1.0}}).item<bool>());
  EXPECT_THAT(
      message_of([&] {
        mask_nm()(x, {{"n", 1}, {"m", 2}});
      }),
      HasSubstr("has shape []"));
}

TEST(Masks, SayWhichOptionIsMissingOrWrong) {
  const auto check = [](const MaskFunction& mask, const Values& config) {
    return message_of([&] { mask.check(config); });
  };
  EXPECT_THAT(
      check(mask_magnitude(), {}),
      HasSubstr("the mask function `magnitude` needs the option "
                "`sparsity_level`: give it with ActivationOptions().set("));
  EXPECT_THAT(
      check(mask_magnitude(), {{"sparsity_level", 1.5}}),
      HasSubstr("expected a fraction in [0, 1], got 1.5"));
  EXPECT_THAT(
      check(mask_threshold(), {{"threshold", "high"}}),
      HasSubstr("expected a number, got high"));
  EXPECT_THAT(check(mask_top_k(), {{"k", -1}}), HasSubstr("0 or more, got -1"));
  EXPECT_THAT(
      check(mask_nm(), {{"n", 3}, {"m", 2}}), HasSubstr("got n=3, m=2"));
  EXPECT_THAT(
      message_of([] {
        mask_top_k()(torch::ones({2}), {{"k", 3}});
      }),
      HasSubstr("3 elements cannot be kept of a reduced activation of shape "
                "[2]"));
  mask_function("nm").check({{"n", 2}, {"m", 2}});
}

TEST(NamedFunctions, AnUnknownNameIsAnErrorWithTheNearest) {
  EXPECT_THAT(
      message_of([] { aggregate_function("abs-sum"); }),
      HasSubstr("there is no aggregate function named `abs-sum`; the nearest "
                "is `abs_sum`"));
  EXPECT_THAT(
      message_of([] { reduce_function("means"); }), HasSubstr("is `mean`"));
  EXPECT_THAT(
      message_of([] { mask_function("topk"); }), HasSubstr("is `top_k`"));
}

TEST(NamedFunctions, TheUsersOwnHaveNoName) {
  EXPECT_EQ(ReduceFunction([](const Tensor& x) { return x; }).name(), "");
  EXPECT_EQ(aggregate_abs_max().name(), "abs_max");
  EXPECT_EQ(mask_nm().name(), "nm");
  EXPECT_FALSE(AggregateFunction());
  EXPECT_FALSE(MaskFunction());
}

} // namespace
} // namespace coppice::activation_functions_test
