#include "coppice/schedule/base_scheduler.h"

#include <gmock/gmock.h>

#include <functional>
#include <limits>

#include "schedule/fake_levels.h"

namespace coppice::base_scheduler_test {
namespace {

using ::testing::ElementsAre;
using testing::FakeLevels;
using ::testing::HasSubstr;
using testing::step;

/// The schedule of the reference's own test: half the level after epoch 0.
class Halve : public BaseScheduler {
 public:
  explicit Halve(SparsityLevels& sparsifier, bool verbose = false)
      : BaseScheduler(sparsifier, -1, verbose) {
    start();
  }

 protected:
  std::vector<double> get_sl() const override {
    auto levels = base_sl();
    for (auto& level : levels) {
      level *= last_epoch() > 0 ? 0.5 : 1.0;
    }
    return levels;
  }
};

/// Returns the given levels.
class Scripted : public BaseScheduler {
 public:
  explicit Scripted(SparsityLevels& sparsifier) : BaseScheduler(sparsifier) {}
  std::vector<double> next;

 protected:
  std::vector<double> get_sl() const override {
    TORCH_CHECK(!next.empty(), "nothing to return");
    return next;
  }
};

/// The number of warnings about the order of steps while `run` runs. Reads them
/// from standard error, as LibTorch's handlers differ between versions.
int order_warnings(const std::function<void()>& run) {
  ::testing::internal::CaptureStderr();
  run();
  const auto text = ::testing::internal::GetCapturedStderr();
  const std::string warning = "before `sparsifier.step()`";
  int count = 0;
  for (auto at = text.find(warning); at != std::string::npos;
       at = text.find(warning, at + 1)) {
    ++count;
  }
  return count;
}

std::string load_error(BaseScheduler& scheduler, const Values& state) {
  try {
    scheduler.load_state_dict(state);
  } catch (const c10::ValueError& error) {
    return error.what_without_backtrace();
  }
  return "no c10::ValueError";
}

TEST(BaseScheduler, KeepsTheLevelsOfTheGroupsAsBaseAndCountsTheFirstStep) {
  FakeLevels sparsifier({0.5});
  const Halve scheduler(sparsifier);
  EXPECT_EQ(scheduler.step_count(), 1);
  EXPECT_EQ(scheduler.last_epoch(), 0);
  EXPECT_THAT(scheduler.base_sl(), ElementsAre(0.5));
  EXPECT_THAT(scheduler.get_last_sl(), ElementsAre(0.5));
}

TEST(BaseScheduler, DoesNotSeeLaterChangesOfTheLevels) {
  FakeLevels sparsifier({0.5});
  Halve scheduler(sparsifier);
  sparsifier.set_sparsity_levels({0.9});
  step(sparsifier, scheduler);
  EXPECT_THAT(scheduler.base_sl(), ElementsAre(0.5));
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.25));
}

TEST(BaseScheduler, SetsTheLevelsAtEveryStep) {
  FakeLevels sparsifier({0.5});
  Halve scheduler(sparsifier);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.5));
  step(sparsifier, scheduler);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.25));
  EXPECT_THAT(scheduler.get_last_sl(), ElementsAre(0.25));
  step(sparsifier, scheduler);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.25));
}

TEST(BaseScheduler, WarnsOnceWhenTheSparsifierWasNotSteppedFirst) {
  FakeLevels sparsifier({0.5});
  sparsifier.step(); // Before the scheduler was made: does not count.
  Halve scheduler(sparsifier);
  EXPECT_EQ(order_warnings([&] { scheduler.step(); }), 1);
  EXPECT_EQ(order_warnings([&] { scheduler.step(); }), 0);
}

TEST(BaseScheduler, DoesNotWarnInTheRightOrder) {
  FakeLevels sparsifier({0.5});
  Halve scheduler(sparsifier);
  EXPECT_EQ(order_warnings([&] { step(sparsifier, scheduler, 2); }), 0);
  EXPECT_EQ(order_warnings([&] { scheduler.step(); }), 0);
}

TEST(BaseScheduler, StartsItselfAtTheFirstStepIfASubclassForgotTo) {
  FakeLevels sparsifier({0.5});
  Scripted scheduler(sparsifier);
  EXPECT_EQ(scheduler.step_count(), 0);
  EXPECT_EQ(scheduler.last_epoch(), -1);
  scheduler.next = {0.1};
  step(sparsifier, scheduler);
  EXPECT_EQ(scheduler.step_count(), 2);
  EXPECT_EQ(scheduler.last_epoch(), 1);
}

TEST(BaseScheduler, PrintsTheLevelsWhenVerbose) {
  FakeLevels sparsifier({0.5, 0.75});
  Halve scheduler(sparsifier, /*verbose=*/true);
  ::testing::internal::CaptureStdout();
  step(sparsifier, scheduler);
  EXPECT_EQ(
      ::testing::internal::GetCapturedStdout(),
      "Adjusting sparsity level of group 0 to 2.5000e-01.\n"
      "Adjusting sparsity level of group 1 to 3.7500e-01.\n");
}

TEST(BaseScheduler, RejectsAWrongNumberOfLevelsAndStaysWhereItWas) {
  FakeLevels sparsifier({0.5, 0.6});
  Scripted scheduler(sparsifier);
  scheduler.next = {0.1};
  try {
    scheduler.step();
    FAIL() << "expected c10::ValueError";
  } catch (const c10::ValueError& error) {
    EXPECT_THAT(error.what(), HasSubstr("2 in all, got 1"));
  }
  EXPECT_EQ(scheduler.step_count(), 0);
  EXPECT_EQ(scheduler.last_epoch(), -1);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.5, 0.6));
}

TEST(BaseScheduler, StaysWhereItWasWhenAGroupWasAddedOrTheScheduleThrows) {
  FakeLevels sparsifier({0.5});
  Scripted scheduler(sparsifier);
  scheduler.next = {0.1};
  step(sparsifier, scheduler);
  scheduler.next = {};
  EXPECT_THROW(scheduler.step(), c10::Error);
  scheduler.next = {0.2};
  sparsifier.add_group(0.7);
  EXPECT_THROW(scheduler.step(), c10::ValueError);
  EXPECT_EQ(scheduler.last_epoch(), 1);
  EXPECT_EQ(scheduler.step_count(), 2);
  EXPECT_THAT(scheduler.get_last_sl(), ElementsAre(0.1));
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.1, 0.7));
}

TEST(BaseScheduler, GoesOnFromAState) {
  FakeLevels sparsifier({0.5});
  Halve scheduler(sparsifier);
  step(sparsifier, scheduler, 3);

  FakeLevels resumed_sparsifier({0.9});
  Halve resumed(resumed_sparsifier);
  resumed.load_state_dict(scheduler.state_dict());
  EXPECT_THAT(resumed_sparsifier.sparsity_levels(), ElementsAre(0.25));
  EXPECT_THAT(resumed.base_sl(), ElementsAre(0.5));
  EXPECT_THAT(resumed.get_last_sl(), ElementsAre(0.25));
  EXPECT_EQ(resumed.last_epoch(), 3);
  EXPECT_EQ(resumed.step_count(), 4);
  EXPECT_EQ(resumed.state_dict(), scheduler.state_dict());
}

TEST(BaseScheduler, TakesThePythonIntegersThatStandForLevels) {
  FakeLevels sparsifier({0.5, 0.5});
  Halve scheduler(sparsifier);
  auto state = scheduler.state_dict();
  c10::List<c10::IValue> levels(c10::AnyType::get());
  levels.push_back(int64_t(0));
  levels.push_back(0.25);
  state["_last_sl"] = levels;
  scheduler.load_state_dict(state);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.0, 0.25));
}

TEST(BaseScheduler, RejectsAStateWithAMissingKey) {
  FakeLevels sparsifier({0.5});
  Halve scheduler(sparsifier);
  const auto state = scheduler.state_dict();
  for (const auto& entry : state) {
    auto lacking = state;
    lacking.erase(entry.first);
    EXPECT_THAT(
        load_error(scheduler, lacking),
        HasSubstr("the key `" + entry.first + "` is missing"));
  }
}

TEST(BaseScheduler, RejectsAStateWithAnUnknownKey) {
  FakeLevels sparsifier({0.5});
  Halve scheduler(sparsifier);
  auto state = scheduler.state_dict();
  state["gamma"] = 0.1;
  EXPECT_THAT(
      load_error(scheduler, state),
      HasSubstr("unknown key `gamma` with value 0.1"));
}

TEST(BaseScheduler, RejectsAStateWithAnotherTypeOrLengthAndChangesNothing) {
  FakeLevels sparsifier({0.5});
  Halve scheduler(sparsifier);
  const auto before = scheduler.state_dict();
  const std::vector<std::pair<Values::value_type, std::string>> wrong = {
      {{"_get_sl_called_within_step", 1},
       "`_get_sl_called_within_step` to be a bool, got 1"},
      {{"_last_sl", 0.25}, "`_last_sl` to be a list, got 0.25"},
      {{"_last_sl", std::vector<double>{0.25, 0.1}},
       "`_last_sl` to have one value per group, 1 in all, got 2: [0.25, 0.1]"},
      {{"_last_sl", std::vector<std::string>{"high"}},
       "`_last_sl` to be a list of numbers, got high"},
      {{"_last_sl", std::vector<bool>{true}},
       "`_last_sl` to be a list of numbers, got True"},
      {{"_step_count", 2.0}, "`_step_count` to be an int, got 2.0"},
      {{"_step_count", -3}, "`_step_count` to be 0 or more and below"},
      {{"base_sl", std::vector<double>{}},
       "`base_sl` to have one value per group"},
      {{"last_epoch", "four"}, "`last_epoch` to be an int, got four"},
      {{"last_epoch", std::numeric_limits<int64_t>::max()},
       "`last_epoch` to be -1 or more and below"},
      {{"verbose", c10::IValue()}, "`verbose` to be a bool, got None"},
  };
  for (const auto& [entry, message] : wrong) {
    auto state = before;
    state["_last_sl"] = std::vector<double>{0.125};
    state[entry.first] = entry.second;
    EXPECT_THAT(load_error(scheduler, state), HasSubstr(message));
    EXPECT_EQ(scheduler.state_dict(), before);
    EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.5));
  }
}

} // namespace
} // namespace coppice::base_scheduler_test
