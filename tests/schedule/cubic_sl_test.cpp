#include "coppice/schedule/cubic_sl.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "schedule/fake_levels.h"
#include "support/golden.h"

namespace coppice::cubic_sl_test {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using testing::FakeLevels;
using testing::golden;
using ::testing::HasSubstr;
using testing::levels_over_time;
using testing::step;

using Sequence = std::vector<std::vector<double>>;

/// What the constructor of CubicSL throws, without the backtrace.
std::string construction_error(
    const std::vector<double>& levels,
    const CubicSLOptions& options) {
  FakeLevels sparsifier(levels);
  try {
    const CubicSL scheduler(sparsifier, options);
  } catch (const c10::ValueError& error) {
    EXPECT_EQ(sparsifier.sparsity_levels(), levels);
    return error.what_without_backtrace();
  }
  return "no c10::ValueError";
}

std::string load_error(CubicSL& scheduler, const Values& state) {
  try {
    scheduler.load_state_dict(state);
  } catch (const c10::ValueError& error) {
    return error.what_without_backtrace();
  }
  return "no c10::ValueError";
}

TEST(CubicSL, EqualsTheReferenceBitForBit) {
  const auto file = golden("schedulers.json");
  ASSERT_EQ(file.at("cubic").size(), 324);
  for (const auto& wanted : file.at("cubic")) {
    FakeLevels sparsifier(wanted.at("base"));
    CubicSL scheduler(
        sparsifier,
        CubicSLOptions()
            .init_sl(wanted.at("init_sl").get<double>())
            .init_t(wanted.at("init_t").get<int64_t>())
            .delta_t(wanted.at("delta_t").get<int64_t>())
            .total_t(wanted.at("total_t").get<int64_t>())
            .initially_zero(wanted.at("initially_zero").get<bool>()));
    const Sequence sequence = wanted.at("sequence");
    EXPECT_EQ(
        levels_over_time(sparsifier, scheduler, sequence.size() - 1), sequence)
        << wanted;
  }
}

TEST(CubicSL, HasTheReferencesDefaults) {
  const auto file = golden("schedulers.json");
  const auto& wanted = file.at("cubic_defaults");
  const std::vector<double> base = wanted.at("base");
  const std::vector<double> after_ctor = wanted.at("after_ctor");
  FakeLevels sparsifier(base);
  CubicSL scheduler(sparsifier);
  EXPECT_EQ(sparsifier.sparsity_levels(), after_ctor);
  step(sparsifier, scheduler, 999);
  EXPECT_NE(sparsifier.sparsity_levels(), base);
  step(sparsifier, scheduler);
  EXPECT_EQ(sparsifier.sparsity_levels(), base);
}

TEST(CubicSL, BeginsAfterAGivenEpoch) {
  const auto file = golden("schedulers.json");
  for (const auto& wanted : file.at("cubic_last_epoch")) {
    FakeLevels sparsifier({0.8});
    const CubicSL scheduler(
        sparsifier,
        CubicSLOptions()
            .init_sl(0.1)
            .init_t(3)
            .delta_t(2)
            .total_t(5)
            .last_epoch(wanted.at("last_epoch_arg")));
    EXPECT_EQ(scheduler.last_epoch(), wanted.at("last_epoch_after_ctor"));
    EXPECT_EQ(
        sparsifier.sparsity_levels(),
        wanted.at("level").get<std::vector<double>>());
  }
}

TEST(CubicSL, StartsAtZeroOrAtTheFirstLevelAsAsked) {
  FakeLevels sparsifier({0.8, 0.4});
  CubicSL(
      sparsifier, CubicSLOptions().init_sl(0.1).init_t(3).initially_zero(true));
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.0, 0.0));
  sparsifier.set_sparsity_levels({0.8, 0.4});
  CubicSL(sparsifier, CubicSLOptions().init_sl(0.1).init_t(3));
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.1, 0.1));
}

TEST(CubicSL, WaitsThenRisesThenStaysAtTheTarget) {
  FakeLevels sparsifier({0.8, 0.4});
  CubicSL scheduler(
      sparsifier,
      CubicSLOptions()
          .init_sl(0.1)
          .init_t(3)
          .delta_t(2)
          .total_t(5)
          .initially_zero(true));
  step(sparsifier, scheduler, 2);
  EXPECT_EQ(scheduler.step_count(), 3);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.0, 0.0));
  step(sparsifier, scheduler);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.1, 0.1));
  step(sparsifier, scheduler);
  EXPECT_THAT(
      sparsifier.sparsity_levels(),
      ElementsAre(DoubleNear(0.3, 0.05), DoubleNear(0.2, 0.05)));
  const int64_t left = 2 * 5 - (scheduler.step_count() - 3 - 1);
  step(sparsifier, scheduler, left);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.8, 0.4));
  step(sparsifier, scheduler);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.8, 0.4));
}

TEST(CubicSL, StaysAtAFirstLevelThatIsAboveTheLast) {
  FakeLevels sparsifier({0.2});
  CubicSL scheduler(sparsifier, CubicSLOptions().init_sl(0.6).total_steps(2));
  step(sparsifier, scheduler, 3);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.6));
}

TEST(CubicSL, RisesToTheAskedLevelAndKeepsTheGroupsOwnAsBase) {
  FakeLevels sparsifier({0.0, 0.5});
  CubicSL scheduler(
      sparsifier, CubicSLOptions().sparsity_level(0.9).total_steps(10));
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.0, 0.0));
  step(sparsifier, scheduler, 9);
  EXPECT_THAT(
      sparsifier.sparsity_levels(),
      ElementsAre(DoubleNear(0.9 - 0.0009, 1e-9), DoubleNear(0.8991, 1e-9)));
  step(sparsifier, scheduler);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.9, 0.9));
  EXPECT_THAT(scheduler.base_sl(), ElementsAre(0.0, 0.5));
}

TEST(CubicSL, TakesAListWithOneValueAGroup) {
  FakeLevels sparsifier({0.8, 0.4});
  CubicSL scheduler(
      sparsifier,
      CubicSLOptions()
          .init_sl({0.1, 0.2})
          .init_t({0, 2})
          .delta_t({1, 1})
          .total_t({1, 2})
          .initially_zero({false, true}));
  EXPECT_EQ(
      levels_over_time(sparsifier, scheduler, 4),
      (Sequence{
          {0.1, 0.0},
          {0.8, 0.0},
          {0.8, 0.2},
          {0.8, 0.4 + (0.2 - 0.4) * 0.125},
          {0.8, 0.4}}));
}

TEST(CubicSL, RejectsAListOfAnotherLength) {
  const std::vector<double> levels{0.5, 0.5};
  EXPECT_THAT(
      construction_error(levels, CubicSLOptions().init_sl({0.1})),
      HasSubstr("`init_sl` to have one value per group, 2 in all, got 1"));
  EXPECT_THAT(
      construction_error(levels, CubicSLOptions().init_t({1, 2, 3})),
      HasSubstr("`init_t` to have one value per group, 2 in all, got 3"));
  EXPECT_THAT(
      construction_error(levels, CubicSLOptions().delta_t({1})),
      HasSubstr("`delta_t` to have one value per group, 2 in all, got 1"));
  EXPECT_THAT(
      construction_error(levels, CubicSLOptions().total_t({1})),
      HasSubstr("`total_t` to have one value per group, 2 in all, got 1"));
  EXPECT_THAT(
      construction_error(levels, CubicSLOptions().initially_zero({true})),
      HasSubstr(
          "`initially_zero` to have one value per group, 2 in all, got 1"));
  EXPECT_THAT(
      construction_error(
          levels,
          CubicSLOptions().sparsity_level(PerGroup<double>({0.1, 0.2, 0.3}))),
      HasSubstr(
          "`sparsity_level` to have one value per group, 2 in all, got 3"));
}

TEST(CubicSL, RejectsAHorizonThatIsNotPositive) {
  EXPECT_THAT(
      construction_error({0.5}, CubicSLOptions().delta_t(0)),
      HasSubstr("got delta_t=0 and total_t=100 for group 0"));
  EXPECT_THAT(
      construction_error({0.5, 0.5}, CubicSLOptions().total_t({1, -1})),
      HasSubstr("got delta_t=10 and total_t=-1 for group 1"));
}

TEST(CubicSL, RejectsALevelThatIsNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(
      construction_error({0.5}, CubicSLOptions().init_sl(nan)),
      HasSubstr("`init_sl` to be finite, got nan for group 0"));
  EXPECT_THAT(
      construction_error({0.5}, CubicSLOptions().sparsity_level(infinity)),
      HasSubstr("`sparsity_level` to be finite, got inf for group 0"));
}

TEST(CubicSL, DoesNotOverflowOnLongHorizons) {
  const auto huge = std::numeric_limits<int64_t>::max();
  FakeLevels sparsifier({0.5});
  CubicSL scheduler(
      sparsifier, CubicSLOptions().init_t(-huge).delta_t(huge).total_t(huge));
  step(sparsifier, scheduler);
  EXPECT_TRUE(std::isfinite(sparsifier.sparsity_levels().front()));
}

TEST(CubicSL, HasTheReferencesKeysInItsState) {
  const auto file = golden("schedulers.json");
  FakeLevels sparsifier({0.8, 0.4});
  const CubicSL scheduler(
      sparsifier,
      CubicSLOptions()
          .init_sl(0.1)
          .init_t(3)
          .delta_t(2)
          .total_t(5)
          .initially_zero(true));
  const auto state = scheduler.state_dict();
  std::vector<std::string> keys;
  for (const auto& entry : state) {
    keys.push_back(entry.first);
  }
  const std::vector<std::string> wanted = file.at("cubic_state_dict_keys");
  EXPECT_EQ(keys, wanted);
  EXPECT_EQ(to_python_string(state.at("init_sl")), "[0.1, 0.1]");
  EXPECT_EQ(to_python_string(state.at("init_t")), "[3, 3]");
  EXPECT_EQ(to_python_string(state.at("initially_zero")), "[True, True]");
  EXPECT_EQ(to_python_string(state.at("base_sl")), "[0.8, 0.4]");
  EXPECT_EQ(to_python_string(state.at("_last_sl")), "[0.0, 0.0]");
}

TEST(CubicSL, GoesOnFromAState) {
  FakeLevels sparsifier({0.8});
  CubicSL scheduler(
      sparsifier,
      CubicSLOptions().init_sl(0.1).sparsity_level(0.9).total_steps(8));
  step(sparsifier, scheduler, 3);

  FakeLevels resumed_sparsifier({0.3});
  CubicSL resumed(resumed_sparsifier);
  resumed.load_state_dict(scheduler.state_dict());
  EXPECT_EQ(
      levels_over_time(resumed_sparsifier, resumed, 6),
      levels_over_time(sparsifier, scheduler, 6));
  EXPECT_EQ(resumed.state_dict(), scheduler.state_dict());
}

TEST(CubicSL, RisesToTheBaseOfAStateWithoutAskedLevel) {
  FakeLevels sparsifier({0.8});
  const CubicSL saved(sparsifier, CubicSLOptions().total_steps(2));
  FakeLevels resumed_sparsifier({0.3});
  CubicSL resumed(
      resumed_sparsifier, CubicSLOptions().sparsity_level(0.9).total_steps(4));
  resumed.load_state_dict(saved.state_dict());
  step(resumed_sparsifier, resumed, 2);
  EXPECT_THAT(resumed_sparsifier.sparsity_levels(), ElementsAre(0.8));
}

TEST(CubicSL, RejectsAWrongStateAndChangesNothing) {
  FakeLevels sparsifier({0.8});
  CubicSL scheduler(sparsifier, CubicSLOptions().init_sl(0.1));
  const auto before = scheduler.state_dict();
  const std::vector<std::pair<Values::value_type, std::string>> wrong = {
      {{"delta_t", std::vector<double>{1.0}}, "`delta_t` to be a list of ints"},
      {{"delta_t", std::vector<int64_t>{0}}, "got delta_t=0 and total_t=100"},
      {{"init_sl", std::vector<double>{0.1, 0.2}},
       "`init_sl` to have one value per group, 1 in all, got 2: [0.1, 0.2]"},
      {{"init_t", int64_t(3)}, "`init_t` to be a list, got 3"},
      {{"initially_zero", std::vector<int64_t>{1}},
       "`initially_zero` to be a list of bools, got 1"},
      {{"sparsity_level", 0.9}, "`sparsity_level` to be a list, got 0.9"},
      {{"base_sl", "none"}, "`base_sl` to be a list, got none"},
      {{"sl_lambdas", 1}, "unknown key `sl_lambdas` with value 1"},
  };
  for (const auto& [entry, message] : wrong) {
    auto state = before;
    state["total_t"] = std::vector<int64_t>{100};
    state["_last_sl"] = std::vector<double>{0.5};
    state[entry.first] = entry.second;
    EXPECT_THAT(load_error(scheduler, state), HasSubstr(message));
    EXPECT_EQ(scheduler.state_dict(), before);
    EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.1));
  }
  auto lacking = before;
  lacking.erase("total_t");
  EXPECT_THAT(
      load_error(scheduler, lacking),
      HasSubstr("the key `total_t` is missing"));
}

} // namespace
} // namespace coppice::cubic_sl_test
