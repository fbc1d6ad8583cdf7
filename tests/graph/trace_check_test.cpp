#include "coppice/graph/trace.h"

#include <torch/torch.h>

#include "support/errors.h"
#include "support/warnings.h"

namespace coppice::trace_check_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using ::testing::Not;
using testing::warnings_of;

/// The trace of `callable`, a function of one tensor, and its warning.
struct Traced {
  torch::jit::Module script;
  std::string warnings;

  torch::Tensor run(const torch::Tensor& x) {
    return script.forward({x}).toTensor();
  }
  std::string graph() {
    return script.get_method("forward").graph()->toString();
  }
};

template <typename Callable>
Traced trace_of(
    Callable callable,
    const torch::Tensor& example,
    const torch::Tensor& check) {
  Traced traced;
  torch::nn::Module model;
  traced.warnings = warnings_of([&] {
    traced.script =
        trace(model, callable, example, TraceOptions().check_inputs(check));
  });
  return traced;
}

template <typename Callable>
void expect_follows(
    Callable callable,
    const torch::Tensor& example,
    const torch::Tensor& check,
    const torch::Tensor& other) {
  auto traced = trace_of(callable, example, check);
  EXPECT_EQ(traced.warnings, "");
  for (const auto& x : {example, check, other}) {
    EXPECT_TRUE(traced.run(x).equal(callable(x))) << traced.graph();
  }
}

torch::Tensor ramp(std::vector<int64_t> sizes) {
  return torch::arange(c10::multiply_integers(sizes), torch::kFloat)
      .reshape(sizes);
}

TEST(TraceCheck, SizesFollowTheInput) {
  const auto a = ramp({2, 5, 4});
  const auto b = ramp({5, 7, 4});
  const auto c = ramp({6, 1, 4});
  using torch::Tensor;
  expect_follows(
      [](Tensor x) {
        return x.view({x.size(0), -1}).sum(1);
      },
      a,
      b,
      c);
  expect_follows(
      [](Tensor x) {
        return x.view({x.size(0) * x.size(1), 4});
      },
      a,
      b,
      c);
  expect_follows(
      [](Tensor x) {
        return x.view({x.size(0) * 2, -1, 2});
      },
      a,
      b,
      c);
  expect_follows(
      [](Tensor x) {
        return x + torch::zeros({x.size(0), 1, 1});
      },
      a,
      b,
      c);
  expect_follows([](Tensor x) { return x.select(1, x.size(1) - 1); }, a, b, c);
  expect_follows(
      [](Tensor x) { return torch::arange(x.size(1) + 1); }, a, b, c);
  expect_follows([](Tensor x) { return x / x.size(0); }, a, b, c);
}

TEST(TraceCheck, SizesOfWhatWasComputedFollowToo) {
  const auto pooled = [](torch::Tensor x) {
    auto h = torch::max_pool2d(x, 2);
    h = h.reshape({h.size(0), h.size(1) * h.size(2), h.size(3)});
    return h + torch::arange(h.size(2));
  };
  expect_follows(
      pooled, ramp({1, 2, 4, 10}), ramp({1, 2, 8, 16}), ramp({1, 2, 2, 4}));
}

TEST(TraceCheck, ReadsASizeBeforeAnOperationChangesItInPlace) {
  const auto turned = [](torch::Tensor x) {
    const auto rows = x.size(0);
    return x.t_().contiguous().view({-1, rows});
  };
  const auto follows = [&](const torch::Tensor& x) {
    auto traced = trace_of(turned, ramp({2, 5}), ramp({3, 7}));
    EXPECT_EQ(traced.warnings, "");
    return traced.run(x.clone()).equal(turned(x.clone()));
  };
  EXPECT_TRUE(follows(ramp({4, 6})));
}

TEST(TraceCheck, WithoutCheckInputsSizesAreConstants) {
  torch::nn::Module model;
  const auto flat = [](torch::Tensor x) { return x.view({x.size(0), -1}); };
  auto script = trace(model, flat, ramp({2, 3}));
  EXPECT_THROW(script.forward({ramp({5, 1})}), std::exception);
}

TEST(TraceCheck, SizesThatDidNotChangeStayConstants) {
  auto traced = trace_of(
      [](torch::Tensor x) {
        return x.view({x.size(0), x.size(1)});
      },
      ramp({2, 3}),
      ramp({4, 3}));
  EXPECT_EQ(traced.warnings, "");
  EXPECT_THAT(traced.graph(), HasSubstr("value=3"));
  EXPECT_THAT(traced.graph(), Not(HasSubstr("value=2")));
}

TEST(TraceCheck, WarnsWhereTwoSizesWouldDo) {
  auto traced = trace_of(
      [](torch::Tensor x) {
        return torch::relu(x).view({x.size(0), -1});
      },
      ramp({2, 2}),
      ramp({3, 3}));
  EXPECT_THAT(
      traced.warnings,
      HasSubstr("trace: 2 in `aten::view` is a constant of the trace but 3 for "
                "check_inputs; compute it by tensor operations, or, if it is a "
                "size (-1 and flatten(1) follow the input), give check_inputs "
                "in which all sizes that may change differ"));
  EXPECT_THAT(traced.graph(), Not(HasSubstr("aten::size")));
}

TEST(TraceCheck, WarnsWhereAProductWouldDoAsWell) {
  const auto view = [](torch::Tensor x) {
    return torch::relu(x).view({x.size(0) * 2, -1});
  };
  // 4 and 6 are twice the rows, and also the columns.
  EXPECT_THAT(
      trace_of(view, ramp({2, 4}), ramp({3, 6})).warnings,
      HasSubstr("trace: 4 in `aten::view` is a constant"));
  // ... or the columns less one.
  EXPECT_THAT(
      trace_of(view, ramp({2, 5, 2}), ramp({3, 7, 2})).warnings,
      HasSubstr("trace: 4 in `aten::view` is a constant"));
  EXPECT_EQ(trace_of(view, ramp({2, 4}), ramp({3, 8})).warnings, "");
}

TEST(TraceCheck, WarnsOfNumbersThatWereTensors) {
  torch::nn::Linear model(3, 3);
  const auto scaled = [&](torch::Tensor x) {
    const auto y = model->forward(x);
    return (y * x.max().item<double>()).slice(0, 0, x.sum().item<int64_t>());
  };
  const auto x = torch::ones({2, 3});
  EXPECT_THAT(
      warnings_of(
          [&] { trace(model, scaled, x, TraceOptions().check_inputs(x * 5)); }),
      HasSubstr("trace: 1.0 in `aten::mul` (after `bias`) is a constant of "
                "the trace but 5.0 for check_inputs, and 1 more are;"));
}

TEST(TraceCheck, WarnsOfControlFlow) {
  torch::nn::Linear model(3, 3);
  const auto branch = [&](torch::Tensor x) {
    const auto y = model->forward(x);
    return x.sum().item<float>() > 0 ? torch::relu(y) : torch::tanh(y);
  };
  const auto x = torch::ones({2, 3});
  EXPECT_THAT(
      warnings_of(
          [&] { trace(model, branch, x, TraceOptions().check_inputs(-x)); }),
      HasSubstr("trace: for check_inputs the model continues with `aten::tanh` "
                "(after `bias`) where the trace has `aten::relu` (after "
                "`bias`); a trace keeps one path"));
  EXPECT_EQ(
      warnings_of(
          [&] { trace(model, branch, x, TraceOptions().check_inputs(x * 2)); }),
      "");
}

TEST(TraceCheck, WarnsOfLoopsOverASize) {
  const auto sum = [](torch::Tensor x) {
    auto total = x[0];
    for (int64_t i = 1; i < x.size(0); ++i) {
      total = total + x[i];
    }
    return total;
  };
  auto traced = trace_of(sum, ramp({2, 3}), ramp({4, 3}));
  EXPECT_THAT(
      traced.warnings,
      HasSubstr(
          "continues with `aten::select` where the trace has the output"));
}

TEST(TraceCheck, WarnsOfAModelThatKeepsSomethingElsewhere) {
  torch::nn::Module model;
  auto hidden = torch::zeros({2});
  const auto counting = [&](torch::Tensor x) { return x + hidden.add_(1); };
  const auto x = torch::ones({2});
  EXPECT_THAT(
      warnings_of(
          [&] { trace(model, counting, x, TraceOptions().check_inputs(x)); }),
      HasSubstr("the trace gives another output than the model for its own "
                "example inputs"));
}

TEST(TraceCheck, ModelsThatDrawAndCountHaveNothingToWarnOf) {
  torch::nn::Sequential model(
      torch::nn::Linear(3, 8),
      torch::nn::BatchNorm1d(8),
      torch::nn::Dropout(0.5));
  EXPECT_EQ(
      warnings_of([&] {
        trace(
            model,
            torch::rand({4, 3}),
            TraceOptions().check_inputs(torch::rand({6, 3})));
      }),
      "");
}

TEST(TraceCheck, PassesOnWhatTheModelThrowsForTheCheck) {
  torch::nn::Linear model(3, 3);
  EXPECT_THAT(
      message_of<c10::Error>([&] {
        trace(
            model,
            torch::rand({4, 3}),
            TraceOptions().check_inputs(torch::rand({4, 5})));
      }),
      HasSubstr("4x5"));
}

} // namespace
} // namespace coppice::trace_check_test
