#include "cli/disturbance.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <functional>
#include <thread>

namespace coppice::cli::disturbance_test {
namespace {

TEST(Disturbance, IsWhatOthersTake) {
  // Ten seconds of two processors, interrupted a hundred times a second.
  EXPECT_TRUE(is_disturbed({10, 10, 1000, 20}));
  EXPECT_FALSE(is_disturbed({10, 19.5, 1000, 20}));
}

TEST(Disturbance, IsNotFoundWhereNoThreadWasInterrupted) {
  EXPECT_FALSE(is_disturbed({10, 10, 200, 20}));
}

TEST(Disturbance, IsToldByInterruptionsAloneWhereTheSystemTellsNoMore) {
  EXPECT_TRUE(is_disturbed({10, 10, 1000, {}}));
  EXPECT_FALSE(is_disturbed({10, 10, 200, {}}));
}

/// The system's counts before and after a measurement.
class Counts {
 public:
  explicit Counts(ProcessorUse begin) : now_(begin) {}

  std::function<ProcessorUse()> reader() const {
    return [this] { return now_; };
  }

  /// Ten seconds of two processors.
  void measure(double switches, double others) {
    now_.elapsed += 10;
    now_.own += 10;
    now_.switches += switches;
    if (now_.all) {
      *now_.all += 10 + others;
    }
  }

 private:
  ProcessorUse now_;
};

TEST(Disturbance, IsFoundIfOthersTookTheProcessorMeanwhile) {
  Counts counts({1e6, 1e3, 1e5, 1e6});
  const Disturbance disturbance(counts.reader());
  EXPECT_FALSE(disturbance.is_found());
  counts.measure(/*switches=*/200, /*others=*/8);
  EXPECT_FALSE(disturbance.is_found());
  counts.measure(/*switches=*/2000, /*others=*/8);
  EXPECT_TRUE(disturbance.is_found());
  // Earlier counts are ignored.
  const Disturbance later(counts.reader());
  EXPECT_FALSE(later.is_found());
}

TEST(Disturbance, IsFoundWhereTheSystemTellsLess) {
  Counts counts({1e6, 1e3, 1e5, {}});
  const Disturbance disturbance(counts.reader());
  counts.measure(/*switches=*/2000, /*others=*/0);
  EXPECT_TRUE(disturbance.is_found());
}

// Two busy threads share one processor, so that the system must preempt them.
TEST(ProcessorUse, CountsInterruptions) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const auto begin = processor_use();
  auto end = begin;
  std::atomic<bool> is_over{false};
  std::thread other([&] {
    while (!is_over) {
    }
  });
  // Until it happens, or the time limit.
  while (end.switches == begin.switches && end.own < begin.own + 20) {
    end = processor_use();
  }
  is_over = true;
  other.join();
  sched_setaffinity(0, sizeof before, &before);
  EXPECT_GT(end.switches, begin.switches);
  EXPECT_GT(end.own, begin.own);
  EXPECT_GT(end.elapsed, begin.elapsed);
}

} // namespace
} // namespace coppice::cli::disturbance_test
