// The workflows, error probes and layout recorded from the reference's
// ActivationSparsifier, for every form of a model.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>
#include <sstream>
#include <type_traits>

#include "coppice/sparsify/activation_sparsifier.h"
#include "support/golden.h"
#include "support/identity_models.h"

namespace coppice::activation_golden_test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using torch::Tensor;

// The function vocabulary of the recording.

AggregateFunction users_aggregate(const std::string& name) {
  using Binary = Tensor (*)(const Tensor&, const Tensor&);
  static const std::map<std::string, Binary> functions = {
      {"sum", [](const Tensor& x, const Tensor& y) { return x + y; }},
      {"max",
       [](const Tensor& x, const Tensor& y) { return torch::maximum(x, y); }},
      {"abs_sum", [](const Tensor& x, const Tensor& y) { return x + y.abs(); }},
      {"last", [](const Tensor&, const Tensor& y) { return y; }},
      {"ema",
       [](const Tensor& x, const Tensor& y) { return 0.5 * x + 0.5 * y; }}};
  return functions.at(name);
}

ReduceFunction users_reduce(const std::string& name) {
  using Unary = Tensor (*)(const Tensor&);
  static const std::map<std::string, Unary> functions = {
      {"id", [](const Tensor& x) { return x; }},
      {"mean0", [](const Tensor& x) { return x.mean(0); }},
      {"mean0_keep", [](const Tensor& x) { return x.mean({0}, true); }},
      {"sum_all", [](const Tensor& x) { return x.sum(); }},
      {"l2_0", [](const Tensor& x) { return (x * x).sum(0).sqrt(); }}};
  return functions.at(name);
}

Tensor drop_smallest(const Tensor& x, const Values& config) {
  const double level = config.at("sparsity_level").toDouble();
  const auto count =
      static_cast<int64_t>(std::floor(level * static_cast<double>(x.numel())));
  auto mask = torch::ones_like(x).reshape(-1);
  const auto order = x.abs().reshape(-1).argsort();
  mask.index_put_({order.slice(0, 0, count)}, 0);
  return mask.reshape(x.sizes());
}

double threshold(const Values& config) {
  return config.at("threshold").toDouble();
}

MaskFunction users_mask(const std::string& name) {
  using Function = Tensor (*)(const Tensor&, const Values&);
  static const std::map<std::string, Function> functions = {
      {"gt",
       [](const Tensor& x, const Values& config) {
         return x.gt(threshold(config)).to(torch::kFloat);
       }},
      {"abs_gt",
       [](const Tensor& x, const Values& config) {
         return x.abs().gt(threshold(config)).to(torch::kFloat);
       }},
      {"gt_bool",
       [](const Tensor& x, const Values& config) {
         return x.gt(threshold(config));
       }},
      {"topk", drop_smallest}};
  return functions.at(name);
}

// The same functions as shipped, where there is one.

AggregateFunction shipped_aggregate(const std::string& name) {
  const bool ships = name == "sum" || name == "max" || name == "abs_sum";
  return ships ? aggregate_function(name) : users_aggregate(name);
}

ReduceFunction shipped_reduce(const std::string& name) {
  static const std::map<std::string, std::string> names = {
      {"id", "identity"},
      {"mean0", "mean"},
      {"mean0_keep", "mean_keepdim"},
      {"l2_0", "l2"}};
  const auto found = names.find(name);
  return found == names.end() ? users_reduce(name)
                              : reduce_function(found->second);
}

MaskFunction shipped_mask(const std::string& name) {
  return name == "abs_gt" ? mask_threshold() : users_mask(name);
}

ActivationOptions options_of(const json& recorded, bool shipped) {
  const auto agg = recorded.at("agg").get<std::string>();
  const auto reduce = recorded.at("reduce").get<std::string>();
  const auto mask = recorded.at("mask").get<std::string>();
  ActivationOptions options;
  options.aggregate_fn(shipped ? shipped_aggregate(agg) : users_aggregate(agg))
      .reduce_fn(shipped ? shipped_reduce(reduce) : users_reduce(reduce))
      .mask_fn(shipped ? shipped_mask(mask) : users_mask(mask));
  if (!recorded.at("features").is_null()) {
    options.features(recorded.at("features").get<std::vector<int64_t>>());
    options.feature_dim(recorded.at("feature_dim").get<int64_t>());
  }
  for (const auto& [name, value] : recorded.at("sparse_config").items()) {
    options.set(name, value.get<double>());
  }
  return options;
}

/// One tensor, or a list of them.
std::vector<Tensor> recorded_tensors(const json& encoded) {
  if (!encoded.is_array()) {
    return {testing::golden_tensor(encoded)};
  }
  std::vector<Tensor> tensors;
  for (const auto& one : encoded) {
    tensors.push_back(testing::golden_tensor(one));
  }
  return tensors;
}

void expect_equal(
    const std::vector<Tensor>& ours,
    const json& recorded,
    const char* what) {
  const auto theirs = recorded_tensors(recorded);
  ASSERT_EQ(ours.size(), theirs.size()) << what;
  for (size_t i = 0; i < ours.size(); ++i) {
    ASSERT_EQ(ours[i].sizes(), theirs[i].sizes()) << what;
    const bool is_mask = theirs[i].scalar_type() == torch::kBool;
    EXPECT_TRUE((is_mask ? ours[i].ne(0) : ours[i]).equal(theirs[i]))
        << what << ' ' << i << ":\n"
        << ours[i] << '\n'
        << theirs[i];
  }
}

void run_workflow(const testing::Form& form, const json& recorded, bool ships) {
  auto model = form.model();
  ActivationSparsifier sparsifier(model.layers, options_of(recorded, ships));
  sparsifier.register_layer("0");
  for (const auto& round : recorded.at("rounds")) {
    for (const auto& input : round.at("inputs")) {
      model.forward(testing::golden_tensor(input));
    }
    expect_equal(
        sparsifier.get_mask("0").masks,
        round.at("mask_before_step"),
        "mask before the step");
    const auto& group = sparsifier.data_groups().at(0);
    expect_equal(group.data(), round.at("data"), "data");
    sparsifier.step();
    expect_equal(sparsifier.get_mask("0").masks, round.at("mask"), "mask");
    EXPECT_EQ(
        group.has_data(), round.at("data_key_present_after_step").get<bool>());
  }
  sparsifier.squash_mask();
  const auto probe = testing::golden_tensor(recorded.at("probe"));
  const auto before = probe.clone();
  expect_equal(
      {model.forward(probe)}, recorded.at("sparsified").at("output"), "output");
  // Quirk 23: the reference edits the caller's tensor where there are features.
  EXPECT_TRUE(probe.equal(before));
}

class ActivationGolden : public ::testing::TestWithParam<testing::Form> {
 protected:
  void run_all(bool ships) {
    const auto file = testing::golden("activation.json");
    int index = 0;
    for (const auto& recorded : file.at("cases")) {
      SCOPED_TRACE("case " + std::to_string(index++));
      run_workflow(GetParam(), recorded, ships);
    }
    EXPECT_EQ(index, 22);
  }
};

TEST_P(ActivationGolden, WorkflowsWithFunctionsOfTheUsersOwn) {
  run_all(false);
}

TEST_P(ActivationGolden, WorkflowsWithShippedFunctions) {
  run_all(true);
}

/// A model for the error probes, and the probes.
struct Probed {
  explicit Probed(const testing::Form& form, ActivationOptions more = {})
      : model(form.model()),
        sparsifier(
            model.layers,
            more.aggregate_fn(users_aggregate("sum"))
                .reduce_fn(users_reduce("id"))
                .mask_fn(users_mask("topk"))
                .set("sparsity_level", 0.5)) {}

  Probed& registered(const ActivationOptions& options = {}) {
    sparsifier.register_layer("0", options);
    return *this;
  }
  Probed& ran() {
    model.forward(torch::randn({2, 3}));
    return *this;
  }
  Probed& stepped() {
    sparsifier.step();
    return *this;
  }
  Probed& squashed(bool attach = true) {
    sparsifier.squash_mask(attach);
    return *this;
  }

  testing::IdentityModel model;
  ActivationSparsifier sparsifier;
};

using Probe = std::function<void(const testing::Form&)>;

/// The expected message of a probe; empty if it works here.
struct Answer {
  Probe probe;
  const char* sentence;
};

ActivationOptions one_feature(int64_t index) {
  return ActivationOptions().features({index}).feature_dim(1);
}

std::map<std::string, Answer> answers() {
  using Form = testing::Form;
  std::map<std::string, Answer> all;
  all["step before any forward"] = {
      [](const Form& form) { Probed(form).registered().stepped(); },
      "step: nothing has entered `0`"};
  all["second step without a forward in between"] = {
      [](const Form& form) {
        Probed(form).registered().ran().stepped().stepped();
      },
      "step: nothing has entered `0`"};
  all["get_mask before forward"] = {
      [](const Form& form) {
        Probed(form).registered().sparsifier.get_mask("0");
      },
      "get_mask: nothing has entered layer `0` yet"};
  all["get_mask unknown name"] = {
      [](const Form& form) {
        Probed(form).registered().sparsifier.get_mask("nope");
      },
      "get_mask: no layer `nope` is registered; the nearest that is: `0`"};
  all["squash before forward"] = {
      [](const Form& form) { Probed(form).registered().squashed(); },
      "squash_mask: nothing has entered `0` yet"};
  all["register foreign layer"] = {
      [](const Form& form) {
        Probed(form).sparsifier.register_layer(*torch::nn::Linear(2, 2));
      },
      "register_layer: the given layer is not in the model"};
  all["features without feature_dim"] = {
      [](const Form& form) {
        Probed(form).registered(ActivationOptions().features({0}));
      },
      "give `feature_dim` too"};
  all["no functions anywhere"] = {
      [](const Form& form) {
        ActivationSparsifier(form.model().layers).register_layer("0");
      },
      "there is no aggregate function"};
  all["unregister unknown"] = {
      [](const Form& form) { Probed(form).sparsifier.unregister_layer("0"); },
      "unregister_layer: no layer `0` is registered; none is"};
  all["batch size changes between forwards"] = {
      [](const Form& form) {
        Probed(form).registered().ran().model.forward(torch::randn({4, 3}));
      },
      "an activation of shape [4, 3] came after one of shape [2, 3]"};
  all["feature index out of range"] = {
      [](const Form& form) { Probed(form).registered(one_feature(9)).ran(); },
      "feature 9 is out of range: dimension 1 of the activation has 3"};
  all["negative feature index"] = {
      [](const Form& form) { Probed(form).registered(one_feature(-1)).ran(); },
      "feature -1 is out of range: dimension 1 of the activation has 3"};
  // Quirk 23: ours is masked in a copy.
  all["feature sparsify on a leaf that requires grad"] = {
      [](const Form& form) {
        Probed probed(form);
        probed.registered(one_feature(0)).ran().stepped().squashed();
        const auto leaf = torch::randn({2, 3}).requires_grad_();
        probed.model.forward(leaf).sum().backward();
        EXPECT_EQ(leaf.grad().sum().item<float>(), 5);
      },
      ""};
  all["squash twice after sparsify attached"] = {
      [](const Form& form) {
        Probed(form).registered().ran().stepped().squashed().squashed();
      },
      ""};
  // Quirk 26.
  all["squash again when no hook attached"] = {
      [](const Form& form) {
        Probed(form).registered().ran().stepped().squashed(false).squashed();
      },
      ""};
  all["other batch size after squash with a full-shape mask"] = {
      [](const Form& form) {
        Probed probed(form);
        probed.registered().ran().stepped().squashed();
        probed.model.forward(torch::randn({5, 3}));
      },
      "a mask of shape [2, 3] does not fit an activation of shape [5, 3]"};
  return all;
}

/// Whether `get_mask` can be called without a name or a layer.
template <typename Sparsifier, typename = void>
struct AsksForNoLayer : std::false_type {};
template <typename Sparsifier>
struct AsksForNoLayer<
    Sparsifier,
    std::void_t<decltype(std::declval<Sparsifier>().get_mask())>>
    : std::true_type {};

TEST_P(ActivationGolden, ErrorProbes) {
  const auto file = testing::golden("activation.json");
  const auto ours = answers();
  for (const auto& recorded : file.at("errors")) {
    const auto what = recorded.at("what").get<std::string>();
    SCOPED_TRACE(what);
    if (what == "get_mask no argument") {
      static_assert(!AsksForNoLayer<ActivationSparsifier>::value);
      continue;
    }
    const auto& [probe, sentence] = ours.at(what);
    std::string message;
    try {
      probe(GetParam());
    } catch (const std::exception& error) {
      message = error.what();
    }
    EXPECT_THAT(message, HasSubstr(sentence));
    EXPECT_EQ(message.empty(), std::string(sentence).empty()) << message;
    if (recorded.at("result").contains("ok")) {
      EXPECT_EQ(message, "");
    }
  }
  EXPECT_EQ(file.at("errors").size(), ours.size() + 1);
}

TEST_P(ActivationGolden, LayoutOfStateAndPrint) {
  const auto file = testing::golden("activation.json");
  const auto& layout = file.at("layout");
  Probed probed(GetParam());
  probed.registered().ran().stepped();
  const auto state = probed.sparsifier.state_dict();
  ASSERT_EQ(state.state.at("0").size(), layout.at("state[name]").size());
  const auto mask = state.state.at("0").at("mask").toTensor();
  EXPECT_TRUE(mask.is_sparse());
  EXPECT_EQ(layout.at("mask_layout"), "torch.sparse_coo");
  std::ostringstream text;
  text << probed.sparsifier;
  auto printed = text.str();
  // In the format of C++ modules.
  const std::string prefix = "torch::nn::";
  const auto at = printed.find(prefix);
  if (at != std::string::npos) {
    printed.erase(at, prefix.size());
  }
  EXPECT_EQ(printed, layout.at("repr").get<std::string>());
}

INSTANTIATE_TEST_SUITE_P(
    Forms,
    ActivationGolden,
    ::testing::ValuesIn(testing::kForms),
    testing::form_name);

} // namespace
} // namespace coppice::activation_golden_test
