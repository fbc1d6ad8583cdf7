#include "oneshot/sensitivity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/json.h"
#include "support/errors.h"

namespace coppice::sensitivity_test {
namespace {

using namespace coppice::oneshot; // NOLINT(google-build-using-namespace)
using coppice::testing::message_of;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Sensitivity two_layers() {
  Sensitivity measured;
  measured.levels = {0.5, 0.9};
  measured.layers = {{"conv.weight", {8, 3, 3, 3}, {}}, {"fc.weight", {4}, {}}};
  double error = 0.1;
  for (auto& layer : measured.layers) {
    for (int i = 0; i < 2; ++i, error *= 2) {
      calibration::OutputChange change;
      change.relative_error = error;
      change.divergence = error / 10;
      change.agreement = 1 - error;
      layer.changes.push_back(change);
    }
  }
  return measured;
}

std::string json_of(const Sensitivity& measured) {
  return json_text({{"layers", to_json(table_of(measured))}});
}

TEST(Sensitivity, ReadsTheRowsThatItWrites) {
  const auto read = sensitivity_from_json(json_of(two_layers()));
  EXPECT_THAT(read.levels, ElementsAre(0.5, 0.9));
  ASSERT_EQ(read.layers.size(), 2);
  EXPECT_EQ(read.layers[0].name, "conv.weight");
  EXPECT_THAT(read.layers[0].shape, ElementsAre(8, 3, 3, 3));
  EXPECT_THAT(read.layers[1].shape, ElementsAre(4));
  EXPECT_EQ(read.layers[1].changes[1].relative_error, 0.8);
  EXPECT_EQ(read.costs(1), two_layers().costs(1));
}

TEST(Sensitivity, CostsAreDivergencesOrSquaredErrors) {
  auto measured = two_layers();
  EXPECT_THAT(measured.costs(0), ElementsAre(0.01, 0.02));
  // Costs of all layers must be of one kind.
  measured.layers[1].changes[0].divergence.reset();
  EXPECT_THAT(
      measured.costs(0),
      ElementsAre(DoubleNear(0.01, 1e-12), DoubleNear(0.04, 1e-12)));
}

TEST(Sensitivity, HasAccuracyWithLabels) {
  auto measured = two_layers();
  EXPECT_EQ(table_of(measured).columns.size(), 6);
  measured.layers[0].changes[0].accuracy_after = 0.75;
  const auto table = table_of(measured);
  EXPECT_EQ(table.columns[6].key, "accuracy");
  EXPECT_EQ(table.rows[0][6], Cell(0.75));
}

TEST(SensitivityFromJson, SaysWhatIsNotSuchAFile) {
  const auto complaint = [](const std::string& rows) {
    return message_of(
        [&] { sensitivity_from_json("{\"layers\": " + rows + "}"); });
  };
  EXPECT_THAT(
      message_of([] { sensitivity_from_json("{"); }),
      HasSubstr("no measured layers; give what `coppice analyze` writes"));
  EXPECT_THAT(complaint("[]"), HasSubstr("no measured layers"));
  EXPECT_THAT(complaint("{}"), HasSubstr("no measured layers"));
  for (
      const char* rows :
      {"[1]",
       "[{}]",
       R"([{"layer": "a", "shape": "4", "level": 0.5}])",
       R"([{"layer": "a", "shape": "4", "level": 0.5, "relative_error": null}])",
       R"([{"layer": "a", "shape": "4", "level": 2, "relative_error": 1}])",
       R"([{"layer": "a", "shape": 4, "level": 0.5, "relative_error": 1}])",
       R"([{"layer": 1, "shape": "4", "level": 0.5, "relative_error": 1}])",
       R"([{"layer": "a", "shape": "4", "level": 0.5, "relative_error": -1}])"}) {
    EXPECT_THAT(complaint(rows), HasSubstr("a row of `layers`")) << rows;
  }
  for (const char* shape :
       {"4x", "x4", "4xx5", "4,5", "99999999999999999999"}) {
    const auto rows = std::string(R"([{"layer": "a", "level": 0.5, )") +
        R"("relative_error": 1, "shape": ")" + shape + "\"}]";
    EXPECT_THAT(complaint(rows), HasSubstr("is not sizes such as")) << shape;
  }
}

TEST(SensitivityFromJson, WantsTheSameLevelsOfAllLayers) {
  auto measured = two_layers();
  measured.layers[1].changes.pop_back();
  EXPECT_THAT(
      message_of([&] { sensitivity_from_json(json_of(measured)); }),
      HasSubstr("`fc.weight` was measured at fewer levels than `conv.weight`"));
  auto rows = to_json(table_of(two_layers()));
  rows[2]["level"] = 0.6;
  EXPECT_THAT(
      message_of([&] {
        sensitivity_from_json(json_text({{"layers", rows}}));
      }),
      HasSubstr("the levels of `fc.weight`"));
  rows = to_json(table_of(two_layers()));
  rows[1]["level"] = 0.5;
  EXPECT_THAT(
      message_of([&] {
        sensitivity_from_json(json_text({{"layers", rows}}));
      }),
      HasSubstr("do not rise"));
}

} // namespace
} // namespace coppice::sensitivity_test
