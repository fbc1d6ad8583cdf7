#include "compile/race.h"

#include <gtest/gtest.h>

#include <chrono>

namespace coppice::compiling::race_test {
namespace {

/// Work that takes so long by the clock, and longer where others have the
/// processor when it should end.
std::function<void()> busy(double microseconds) {
  return [microseconds] {
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::duration<double, std::micro>(
               std::chrono::steady_clock::now() - begin)
               .count() < microseconds) {
    }
  };
}

TEST(Race, FindsTheFastest) {
  const auto result = race({busy(300), busy(600), busy(100)});
  EXPECT_EQ(result.winner, 2U);
  EXPECT_EQ(result.microseconds.size(), 3U);
  EXPECT_LT(result.microseconds[2], result.microseconds[0]);
}

TEST(Race, KeepsTheFirstWhenNothingIsFaster) {
  EXPECT_EQ(race({busy(100), busy(100), busy(300)}).winner, 0U);
  EXPECT_EQ(race({busy(100)}).winner, 0U);
  EXPECT_TRUE(race({}).microseconds.empty());
}

TEST(Race, TellsDifferencesOfAFewPercent) {
  // So many that what others do in a few of them decides nothing.
  RaceOptions options;
  options.min_rounds = 60;
  options.drops_losers = false;
  const auto result = race({busy(200), busy(188), busy(260)}, options);
  EXPECT_EQ(result.winner, 1U);
  EXPECT_NEAR(result.ratios[1], 0.94, 0.03);
  EXPECT_TRUE(result.wins[1]);
  EXPECT_FALSE(result.wins[0]);
  EXPECT_FALSE(result.wins[2]);
  EXPECT_TRUE(result.losses[2]);
  EXPECT_FALSE(result.losses[1]);
}

TEST(Race, LosersRunNoMore) {
  int runs = 0;
  const auto slow = [&] {
    ++runs;
    busy(500)();
  };
  RaceOptions options;
  options.min_rounds = 40;
  race({busy(100), slow}, options);
  EXPECT_LT(runs, 40);
  runs = 0;
  race({slow, busy(100)}, options); // All others are compared with it.
  EXPECT_GT(runs, 40);
  runs = 0;
  options.drops_losers = false;
  race({busy(100), slow}, options);
  EXPECT_GT(runs, 40);
}

TEST(Race, ALoserDoesNotGainByASlowBeginningOfTheFirst) {
  int runs = 0;
  const auto slow_at_first = [&] { busy(++runs < 16 ? 1500 : 200)(); };
  RaceOptions options;
  options.min_rounds = 40;
  const auto result = race({slow_at_first, busy(400), busy(100)}, options);
  EXPECT_EQ(result.winner, 2U);
  EXPECT_LT(result.ratios[2], 0.8);
  EXPECT_GT(result.ratios[1], 1.2);
}

TEST(Race, ALoserDoesNotGainByASlowBeginningOfTheWinner) {
  // Slower than the loser in two of three rounds, and then the fastest.
  int runs = 0;
  const auto late = [&] {
    const int round = (runs++ - 2) / 2;
    busy(round >= 8 ? 60 : round % 3 == 2 ? 90 : 250)();
  };
  RaceOptions options;
  options.min_rounds = 40;
  const auto result = race({busy(400), busy(100), late, busy(160)}, options);
  EXPECT_EQ(result.winner, 2U);
  EXPECT_GT(result.ratios[3], result.ratios[2]);
}

TEST(Race, EndsInTime) {
  RaceOptions options;
  options.max_seconds = 0.05;
  int runs = 0;
  race(
      {[&] {
         ++runs;
         busy(5000)();
       },
       busy(5000)},
      options);
  EXPECT_LT(runs, 40);
}

TEST(Race, ClearsBeforeEverySingleRun) {
  RaceOptions options;
  int cleared = 0;
  int runs = 0;
  options.before_each = [&] { ++cleared; };
  race({[&] { ++runs; }, [&] { ++runs; }}, options);
  EXPECT_EQ(cleared + 4, runs); // Both run twice to warm up.
}

} // namespace
} // namespace coppice::compiling::race_test
