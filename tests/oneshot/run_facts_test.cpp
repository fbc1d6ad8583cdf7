#include "oneshot/run_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace coppice::run_facts_test {
namespace {

using namespace coppice::oneshot; // NOLINT(google-build-using-namespace)

std::string digest(const std::vector<c10::IValue>& inputs) {
  return digest_of(inputs);
}

TEST(RunFacts, TellSamplesApartByTheirValuesAndStructure) {
  const auto x = torch::arange(3000.0).view({30, 100});
  const auto of_x = digest({x});
  EXPECT_EQ(digest({x.clone()}), of_x);
  EXPECT_EQ(digest({x.t().contiguous().t()}), of_x);
  auto other = x.clone();
  other[17][5] = -1;
  EXPECT_NE(digest({other}), of_x);
  EXPECT_NE(digest({x.view({100, 30})}), of_x);
  EXPECT_NE(digest({x.to(torch::kDouble)}), of_x);
  EXPECT_NE(digest({x, 3}), digest({x, 4}));
  EXPECT_NE(digest({x, 3}), digest({x, 3.0}));
  const auto tuple = c10::ivalue::Tuple::create(x, other);
  EXPECT_NE(digest({tuple}), digest({x, other}));
}

TEST(RunFacts, TellFilesApart) {
  const TemporaryFolder folder;
  const std::string bytes(3 << 20, 'a');
  const auto fact = [&](const std::string& name) {
    return model_fact(*MappedFile::open(folder.file(name)));
  };
  folder.write("a", bytes);
  folder.write("b", bytes + "b");
  EXPECT_EQ(fact("a"), fact("a"));
  EXPECT_NE(fact("a"), fact("b"));
  const auto before = fact("a");
  const auto time = std::filesystem::last_write_time(folder.file("a"));
  std::filesystem::last_write_time(
      folder.file("a"), time + std::chrono::milliseconds(1));
  EXPECT_NE(fact("a"), before);
  std::filesystem::last_write_time(folder.file("a"), time);
  EXPECT_EQ(fact("a"), before);
  auto other = bytes;
  other.back() = 'c';
  folder.write("a", other);
  std::filesystem::last_write_time(folder.file("a"), time);
  EXPECT_NE(fact("a"), before);
}

TEST(RunFacts, TellOptionsApartThatChangeWhatIsSolved) {
  SampledOptions options;
  const auto before = options_fact(options);
  options.memory = 5;
  options.recalibrate_norms = true;
  options.labels = torch::ones({3});
  EXPECT_EQ(options_fact(options), before);
  options.batch = 7;
  EXPECT_NE(options_fact(options), before);
  options = {};
  options.sequential = true;
  EXPECT_NE(options_fact(options), before);
  options = {};
  options.seed = 1;
  EXPECT_NE(options_fact(options), before);
}

TEST(RunFacts, TellRulesApart) {
  calibration::LayerPart part;
  part.sizes = {4, 3};
  part.strides = {3, 1};
  const calibration::InputSource source;
  PruneModifier modifier;
  const auto fact = [&] { return part_fact("w", part, source, modifier); };
  const auto before = fact();
  modifier.targets = {"w"}; // How it was chosen is of no concern.
  EXPECT_EQ(fact(), before);
  modifier.pattern.sparsity_level = 0.3;
  const auto other = fact();
  EXPECT_NE(other, before);
  modifier.method = PruneMethod::ALPS;
  EXPECT_NE(fact(), other);
}

} // namespace
} // namespace coppice::run_facts_test
