#include "coppice/schedule/lambda_sl.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "schedule/fake_levels.h"
#include "support/golden.h"

namespace coppice::lambda_sl_test {
namespace {

using ::testing::ElementsAre;
using testing::FakeLevels;
using testing::golden;
using ::testing::HasSubstr;
using testing::levels_over_time;
using testing::step;

using Sequence = std::vector<std::vector<double>>;

/// The functions of the recorded cases, under their Python text.
const std::map<std::string, LambdaSL::Lambda>& recorded_lambdas() {
  static const std::map<std::string, LambdaSL::Lambda> lambdas = {
      {"epoch*10", [](int64_t t) { return t * 10.0; }},
      {"0.5**epoch", [](int64_t t) { return std::pow(0.5, t); }},
      {"min(1,epoch/4)", [](int64_t t) { return std::min(1.0, t / 4.0); }},
      {"1+0.25*epoch", [](int64_t t) { return 1 + 0.25 * t; }},
      {"0 if epoch<2 else 1", [](int64_t t) { return t < 2 ? 0.0 : 1.0; }},
  };
  return lambdas;
}

TEST(LambdaSL, EqualsTheReferenceBitForBit) {
  const auto file = golden("schedulers.json");
  ASSERT_EQ(file.at("lambda").size(), 15);
  for (const auto& wanted : file.at("lambda")) {
    FakeLevels sparsifier(wanted.at("base"));
    LambdaSL scheduler(sparsifier, recorded_lambdas().at(wanted.at("lambda")));
    const Sequence sequence = wanted.at("sequence");
    EXPECT_EQ(
        levels_over_time(sparsifier, scheduler, sequence.size() - 1), sequence)
        << wanted.at("lambda");
    EXPECT_EQ(scheduler.last_epoch(), wanted.at("last_epoch"));
    EXPECT_EQ(scheduler.step_count(), wanted.at("step_count"));
  }
}

TEST(LambdaSL, EqualsTheReferenceWithAFunctionAGroup) {
  const auto file = golden("schedulers.json");
  for (const auto& wanted : file.at("lambda_list")) {
    FakeLevels sparsifier(wanted.at("base"));
    std::vector<LambdaSL::Lambda> lambdas;
    for (const std::string name : wanted.at("lambdas")) {
      lambdas.push_back(recorded_lambdas().at(name));
    }
    LambdaSL scheduler(sparsifier, lambdas);
    const Sequence sequence = wanted.at("sequence");
    EXPECT_EQ(
        levels_over_time(sparsifier, scheduler, sequence.size() - 1), sequence);
  }
}

TEST(LambdaSL, TakesTheScheduledLevelOfAnotherSchedulerAsItsBase) {
  const auto file = golden("schedulers.json");
  const auto& wanted = file.at("chained");
  FakeLevels sparsifier({0.5});
  const LambdaSL first(sparsifier, [](int64_t) { return 0.5; });
  const LambdaSL second(sparsifier, [](int64_t t) { return 1.0 + t; });
  EXPECT_EQ(
      first.base_sl(), wanted.at("base_first").get<std::vector<double>>());
  EXPECT_EQ(
      second.base_sl(), wanted.at("base_second").get<std::vector<double>>());
  EXPECT_EQ(
      sparsifier.sparsity_levels(),
      wanted.at("after_ctor").get<std::vector<double>>());
}

TEST(LambdaSL, DoesNotClampTheLevel) {
  FakeLevels sparsifier({0.5});
  LambdaSL scheduler(sparsifier, [](int64_t epoch) { return epoch * 10.0; });
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.0));
  step(sparsifier, scheduler);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(5.0));
}

TEST(LambdaSL, BeginsAfterAGivenEpoch) {
  FakeLevels sparsifier({0.5});
  const LambdaSL scheduler(
      sparsifier, [](int64_t epoch) { return 1.0 * epoch; }, /*last_epoch=*/4);
  EXPECT_EQ(scheduler.last_epoch(), 5);
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(2.5));
}

TEST(LambdaSL, RejectsANumberOfFunctionsOtherThanOfGroups) {
  FakeLevels sparsifier({0.5, 0.5});
  const std::vector<LambdaSL::Lambda> one{[](int64_t) { return 2.0; }};
  try {
    const LambdaSL scheduler(sparsifier, one);
    FAIL() << "expected c10::ValueError";
  } catch (const c10::ValueError& error) {
    EXPECT_THAT(error.what(), HasSubstr("2 in all, got 1"));
  }
  EXPECT_THAT(sparsifier.sparsity_levels(), ElementsAre(0.5, 0.5));
}

TEST(LambdaSL, RejectsAnEmptyFunction) {
  FakeLevels sparsifier({0.5});
  EXPECT_THROW(LambdaSL(sparsifier, LambdaSL::Lambda()), c10::ValueError);
}

} // namespace
} // namespace coppice::lambda_sl_test
