// docs/reference.md 7.8, test_data_scheduler: the schedulers of schedule/ drive
// data sparsifiers too.

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "coppice/schedule/cubic_sl.h"
#include "coppice/schedule/lambda_sl.h"
#include "coppice/sparsify/data_norm_sparsifier.h"
#include "coppice/sparsify/scheduled_option.h"
#include "support/errors.h"

namespace coppice::data_scheduling_test {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;

/// The reference's ImplementedDataScheduler: half the base after epoch 0.
class Halve : public BaseScheduler {
 public:
  explicit Halve(SparsityLevels& levels) : BaseScheduler(levels) {
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

class DataSchedulerTest : public ::testing::Test {
 protected:
  DataSchedulerTest()
      : sparsifier(
            {{"tensor", torch::randn({5, 5})},
             {"parameter", torch::randn({10, 10}).requires_grad_()},
             {"embedding", torch::nn::Embedding(50, 5)}},
            DataNormOptions()
                .sparsity_level(0.7)
                .sparse_block_shape({1, 4})
                .zeros_per_block(2)) {
    sparsifier.add_data(
        "tensor2",
        torch::randn({4, 4}),
        true,
        DataNormOptions().sparsity_level(0.3));
  }

  DataNormSparsifier sparsifier;
};

TEST_F(DataSchedulerTest, Constructor) {
  const Halve scheduler(sparsifier);
  EXPECT_THAT(scheduler.base_sl(), ElementsAre(0.7, 0.7, 0.7, 0.3));
  EXPECT_EQ(scheduler.step_count(), 1);
}

TEST_F(DataSchedulerTest, OrderOfSteps) {
  const auto warns = [&](bool in_order) {
    Halve scheduler(sparsifier);
    ::testing::internal::CaptureStderr();
    if (in_order) {
      sparsifier.step();
    }
    scheduler.step();
    return ::testing::internal::GetCapturedStderr().find(
               "before `sparsifier.step()`") != std::string::npos;
  };
  EXPECT_TRUE(warns(false));
  EXPECT_FALSE(warns(true));
}

TEST_F(DataSchedulerTest, Step) {
  Halve scheduler(sparsifier);
  for (int i = 0; i < 3; ++i) {
    sparsifier.step();
    scheduler.step();
  }
  EXPECT_THAT(
      sparsifier.sparsity_levels(),
      ElementsAre(
          DoubleEq(0.35), DoubleEq(0.35), DoubleEq(0.35), DoubleEq(0.15)));
  EXPECT_EQ(scheduler.step_count(), 4);
  EXPECT_DOUBLE_EQ(
      sparsifier.options("tensor2").at("sparsity_level").toDouble(), 0.15);
}

TEST_F(DataSchedulerTest, StateDict) {
  Halve scheduler(sparsifier);
  sparsifier.step();
  scheduler.step();
  Halve second(sparsifier);
  EXPECT_EQ(second.base_sl(), scheduler.get_last_sl());
  second.load_state_dict(scheduler.state_dict());
  EXPECT_EQ(second.base_sl(), scheduler.base_sl());
  EXPECT_EQ(second.get_last_sl(), scheduler.get_last_sl());
  EXPECT_EQ(second.last_epoch(), scheduler.last_epoch());
}

TEST_F(DataSchedulerTest, EnablesMaskUpdates) {
  Halve scheduler(sparsifier);
  sparsifier.enable_mask_update(false);
  scheduler.step();
  EXPECT_TRUE(sparsifier.enable_mask_update());
}

TEST_F(DataSchedulerTest, CubicSLReachesItsLevel) {
  CubicSL scheduler(
      sparsifier, CubicSLOptions().sparsity_level(0.9).total_steps(4));
  EXPECT_EQ(sparsifier.sparsity_levels()[0], 0);
  for (int i = 0; i < 4; ++i) {
    sparsifier.step();
    scheduler.step();
  }
  EXPECT_DOUBLE_EQ(sparsifier.sparsity_levels()[3], 0.9);
}

// The reference leaves data that is added later alone, and goes on.
TEST_F(DataSchedulerTest, DataAddedLaterIsAnError) {
  Halve scheduler(sparsifier);
  sparsifier.add_data("late", torch::randn({4, 4}));
  EXPECT_THAT(
      message_of([&] { scheduler.step(); }),
      HasSubstr("expected 5 values of `sparsity_level`, one for each tensor "
                "under the sparsifier, got 4"));
  EXPECT_DOUBLE_EQ(sparsifier.sparsity_levels()[0], 0.7);
}

// Data that is replaced, as at every epoch of the reference's callbacks, stays
// under the schedule.
TEST_F(DataSchedulerTest, DataThatIsReplacedKeepsItsSchedule) {
  Halve scheduler(sparsifier);
  sparsifier.add_data("tensor", torch::randn({5, 5}));
  sparsifier.squash_mask(true, {"embedding"});
  sparsifier.step();
  scheduler.step();
  EXPECT_DOUBLE_EQ(
      sparsifier.options("tensor").at("sparsity_level").toDouble(), 0.35);
}

// docs/reference.md 4.4: any option can be scheduled.
TEST_F(DataSchedulerTest, SchedulesAnotherOption) {
  ScheduledOption zeros(sparsifier, "zeros_per_block");
  LambdaSL scheduler(zeros, [](int64_t epoch) { return epoch * 0.75; });
  const auto zeros_of = [&](const std::string& name) {
    return sparsifier.options(name).at("zeros_per_block").toInt();
  };
  EXPECT_THAT(scheduler.base_sl(), ElementsAre(2, 2, 2, 2));
  EXPECT_EQ(zeros_of("tensor"), 0);
  sparsifier.enable_mask_update(false);
  sparsifier.step();
  scheduler.step();
  EXPECT_EQ(zeros_of("tensor"), 2) << "1.5, half to even";
  EXPECT_TRUE(sparsifier.enable_mask_update());
  scheduler.step();
  EXPECT_EQ(zeros_of("tensor2"), 3);
  EXPECT_DOUBLE_EQ(sparsifier.sparsity_levels()[3], 0.3);
  scheduler.step(); // 4.5, half to even
  EXPECT_THAT(
      message_of([&] { scheduler.step(); }), HasSubstr("expected 0 to 4"));
  EXPECT_EQ(zeros_of("tensor2"), 4) << "nothing changed";
  EXPECT_EQ(scheduler.last_epoch(), 3);
}

TEST_F(DataSchedulerTest, NamesAnOptionThatIsNoNumber) {
  for (const auto* option : {"sparse_block_shape", "zeros"}) {
    EXPECT_THAT(
        message_of([&] { ScheduledOption(sparsifier, option); }),
        HasSubstr(std::string("`tensor` has no number as option `") + option));
  }
}

} // namespace
} // namespace coppice::data_scheduling_test
