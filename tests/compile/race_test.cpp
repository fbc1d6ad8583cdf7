#include "compile/race.h"

#include <gtest/gtest.h>

#include <random>

#include "support/threads.h"

namespace coppice::compiling::race_test {
namespace {

/// A simulated machine: time advances only by its contenders.
class Machine {
 public:
  RaceOptions options() {
    RaceOptions options;
    options.clock = {[this] { return wall_; }, [this] { return thread_; }};
    return options;
  }

  void work(double microseconds) {
    wall_ += 1e-6 * microseconds;
    thread_ += 1e-6 * microseconds;
  }

  /// Other processes run.
  void wait(double microseconds) {
    wall_ += 1e-6 * microseconds;
  }

  /// A contender of constant time.
  std::function<void()> runs(double microseconds) {
    return [this, microseconds] { work(microseconds); };
  }

  /// A contender whose time varies by a tenth.
  std::function<void()> noisy(double microseconds, unsigned seed) {
    return [this, microseconds, engine = std::minstd_rand(seed)]() mutable {
      const auto tenths = static_cast<double>(engine() % 2001) / 1000 - 1;
      work(microseconds * (1 + 0.1 * tenths));
    };
  }

 private:
  double wall_ = 0;
  double thread_ = 0;
};

TEST(Race, FindsTheFastest) {
  Machine machine;
  const auto result = race(
      {machine.runs(300), machine.runs(600), machine.runs(100)},
      machine.options());
  EXPECT_EQ(result.winner, 2U);
  ASSERT_EQ(result.microseconds.size(), 3U);
  EXPECT_NEAR(result.microseconds[0], 300, 1e-3);
  EXPECT_NEAR(result.microseconds[1], 600, 1e-3);
  EXPECT_NEAR(result.microseconds[2], 100, 1e-3);
}

TEST(Race, KeepsTheFirstWhenNothingIsFaster) {
  Machine machine;
  const auto winner = [&](const std::vector<std::function<void()>>& all) {
    return race(all, machine.options()).winner;
  };
  EXPECT_EQ(
      winner({machine.runs(100), machine.runs(100), machine.runs(300)}), 0U);
  EXPECT_EQ(winner({machine.runs(100)}), 0U);
  EXPECT_TRUE(race({}, machine.options()).microseconds.empty());
}

TEST(Race, KeepsTheFirstWhereOthersAreFasterByNoiseAlone) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    Machine machine;
    const auto result = race(
        {machine.noisy(100, seed), machine.noisy(100, 1000 + seed)},
        machine.options());
    EXPECT_EQ(result.winner, 0U) << seed;
    EXPECT_FALSE(result.losses[1]) << seed;
  }
}

TEST(Race, DetectsDifferencesOfAFewPercentInNoise) {
  Machine machine;
  auto options = machine.options();
  options.drops_losers = false;
  const auto result = race(
      {machine.noisy(200, 1), machine.noisy(188, 2), machine.noisy(260, 3)},
      options);
  EXPECT_EQ(result.winner, 1U);
  EXPECT_NEAR(result.ratios[1], 0.94, 0.03);
  EXPECT_TRUE(result.wins[1]);
  EXPECT_FALSE(result.wins[0]);
  EXPECT_FALSE(result.wins[2]);
  EXPECT_TRUE(result.losses[2]);
  EXPECT_FALSE(result.losses[1]);
}

TEST(Race, LosersRunNoMore) {
  Machine machine;
  int runs = 0;
  const auto slow = [&] {
    ++runs;
    machine.work(500);
  };
  auto options = machine.options();
  options.min_rounds = 40;
  race({machine.runs(100), slow}, options);
  EXPECT_LT(runs, 40);
  runs = 0;
  race({slow, machine.runs(100)}, options); // The baseline never stops.
  EXPECT_GT(runs, 40);
  runs = 0;
  options.drops_losers = false;
  race({machine.runs(100), slow}, options);
  EXPECT_GT(runs, 40);
}

TEST(Race, ALoserDoesNotGainByASlowBeginningOfTheFirst) {
  Machine machine;
  int runs = 0;
  const auto slow_at_first = [&] { machine.work(++runs < 16 ? 1500 : 200); };
  auto options = machine.options();
  options.min_rounds = 40;
  const auto result =
      race({slow_at_first, machine.runs(400), machine.runs(100)}, options);
  EXPECT_EQ(result.winner, 2U);
  EXPECT_NEAR(result.ratios[2], 0.5, 1e-6);
  EXPECT_NEAR(result.ratios[1], 2.0, 1e-6);
}

TEST(Race, ALoserDoesNotGainByASlowBeginningOfTheWinner) {
  // Slower than the loser in two of three rounds, then the fastest.
  Machine machine;
  int runs = 0;
  const auto late = [&] {
    const int round = (runs++ - 2) / 2;
    machine.work(round >= 8 ? 60 : round % 3 == 2 ? 90 : 250);
  };
  auto options = machine.options();
  options.min_rounds = 40;
  const auto result = race(
      {machine.runs(400), machine.runs(100), late, machine.runs(160)}, options);
  EXPECT_EQ(result.winner, 2U);
  EXPECT_GT(result.ratios[3], result.ratios[2]);
}

// Long single-threaded runs are measured in CPU time.
TEST(Race, IsNotDecidedByWhoWasInterrupted) {
  const auto winner = [] {
    Machine machine;
    const auto interrupted = [&] {
      machine.work(250);
      machine.wait(1000);
    };
    return race({machine.runs(300), interrupted}, machine.options()).winner;
  };
  {
    const testing::Threads one(1);
    EXPECT_EQ(winner(), 1U);
  }
  // The clock of one thread does not measure several.
  const testing::Threads two(2);
  EXPECT_EQ(winner(), 0U);
}

TEST(Race, RepeatsShortRuns) {
  Machine machine;
  auto options = machine.options();
  options.drops_losers = false;
  int shorts = 0;
  int longs = 0;
  race(
      {[&] {
         ++shorts;
         machine.work(3);
       },
       [&] {
         ++longs;
         machine.work(30);
       }},
      options);
  // Two warm-up runs; then each timed run follows an untimed one.
  const int rounds = (longs - 2) / (1 + 1);
  EXPECT_GE(rounds, options.min_rounds);
  EXPECT_EQ(shorts, 2 + rounds * (1 + 7));
}

TEST(Race, EndsInTime) {
  Machine machine;
  auto options = machine.options();
  options.max_seconds = 0.05;
  options.min_rounds = 1000;
  constexpr int kFewestRuns = 2 + 2 * 6; // Warm-up and six rounds.
  int runs = 0;
  const auto slow = [&] {
    ++runs;
    machine.work(5000);
  };
  race({slow, machine.runs(5000)}, options);
  EXPECT_EQ(runs, kFewestRuns);
  // Little CPU time, but too much wall time on a busy machine.
  runs = 0;
  const auto interrupted = [&] {
    ++runs;
    machine.work(10);
    machine.wait(50000);
  };
  race({interrupted, interrupted}, options);
  EXPECT_EQ(runs, 2 * kFewestRuns);
}

TEST(Race, ClearsBeforeEverySingleRun) {
  Machine machine;
  auto options = machine.options();
  int cleared = 0;
  int runs = 0;
  options.before_each = [&] { ++cleared; };
  const auto run = [&] {
    ++runs;
    machine.work(1);
  };
  race({run, run}, options);
  EXPECT_EQ(cleared + 4, runs); // Both have two warm-up runs.
}

TEST(MachineClock, GoesOn) {
  const auto clock = machine_clock();
  const double wall = clock.wall();
  const double thread = clock.thread();
  volatile unsigned work = 0;
  for (unsigned i = 0; i < 100000; ++i) {
    work = work + i;
  }
  EXPECT_GT(clock.wall(), wall);
  EXPECT_GT(clock.thread(), thread);
}

} // namespace
} // namespace coppice::compiling::race_test
