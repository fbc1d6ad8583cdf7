#pragma once

#include <gtest/gtest.h>
#include <torch/script.h>

#include <string>
#include <vector>

#include "cli/case_files.h"
#include "coppice/graph/activation_sites.h" // With it the library is loaded.

namespace coppice::cli {

/// Whether two outputs have the same structure and, up to rounding, values.
inline void expect_same(const c10::IValue& a, const c10::IValue& b) {
  ASSERT_EQ(a.tagKind(), b.tagKind());
  if (a.isTensor()) {
    EXPECT_TRUE(torch::allclose(a.toTensor(), b.toTensor(), 1e-4, 1e-5, true));
  } else if (a.isList() || a.isTuple()) {
    const auto all_a =
        a.isList() ? a.toListRef().vec() : a.toTupleRef().elements().vec();
    const auto all_b =
        b.isList() ? b.toListRef().vec() : b.toTupleRef().elements().vec();
    ASSERT_EQ(all_a.size(), all_b.size());
    for (size_t i = 0; i < all_a.size(); ++i) {
      expect_same(all_a[i], all_b[i]);
    }
  } else if (a.isGenericDict()) {
    ASSERT_EQ(a.toGenericDict().size(), b.toGenericDict().size());
    for (const auto& item : a.toGenericDict()) {
      expect_same(item.value(), b.toGenericDict().at(item.key()));
    }
  } else {
    EXPECT_EQ(a, b);
  }
}

/// Models of `../shared/cases` through `coppice compile`.
class CaseModels : public CaseFiles {
 protected:
  /// `coppice compile`, by default with too little time for a reliable choice.
  Outcome compile(
      const std::string& path,
      std::vector<std::string> options,
      const std::string& seconds = "0.01") const {
    options.insert(
        options.begin(),
        {"compile",
         path,
         "-o",
         out_,
         "--json",
         "--no-cache",
         "--seconds",
         seconds,
         "--threads",
         "1"});
    return run_coppice(options);
  }

  Outcome compile_on(const std::string& name, const std::string& input) const {
    return compile(file(name), {"--input", input});
  }

  /// The report for a model of the case.
  nlohmann::json compiled(
      const std::string& name,
      const std::vector<std::string>& options,
      const std::string& seconds = "0.01") const {
    const auto outcome = compile(file(name), options, seconds);
    EXPECT_EQ(outcome.exit_code, 0) << name << ": " << outcome.err;
    return nlohmann::json::parse(outcome.out, nullptr, false);
  }

  /// Checks that the saved file computes what the original does, in `calls`
  /// calls on the same inputs from the given state.
  void expect_same_outputs(
      const std::string& path,
      const std::vector<c10::IValue>& inputs,
      int calls = 3) const {
    const c10::InferenceMode guard;
    auto original = torch::jit::load(path, torch::kCPU);
    auto result = torch::jit::load(out_);
    for (int call = 0; call < calls; ++call) {
      SCOPED_TRACE(call);
      torch::manual_seed(call);
      const auto right = original(inputs); // Including hooks.
      torch::manual_seed(call);
      expect_same(right, result(inputs));
    }
  }

  /// Checks that a model is rejected with one sentence and nothing is written.
  void expect_refused(const Outcome& outcome, const std::string& part) const {
    expect_complaint(outcome, 2, part);
    EXPECT_FALSE(std::filesystem::exists(out_));
  }
};

} // namespace coppice::cli
