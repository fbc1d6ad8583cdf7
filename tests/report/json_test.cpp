#include "report/json.h"

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <limits>

namespace coppice::json_test {
namespace {

const Table kLayers{
    {{"name", "layer"},
     {"sparsity", "sparsity", CellFormat::kPercent},
     {"bytes", "size", CellFormat::kBytes}},
    {{std::string("fc1"), 0.9, int64_t(4096)}, {std::string("fc2")}}};

TEST(Json, HasAnObjectARowWithItsValuesUnformatted) {
  EXPECT_EQ(
      to_json(kLayers).dump(),
      R"([{"name":"fc1","sparsity":0.9,"bytes":4096},)"
      R"({"name":"fc2","sparsity":null,"bytes":null}])");
}

TEST(Json, RefusesARowThatIsTooLong) {
  const Table table{{{"a", "a"}}, {{int64_t(1), int64_t(2)}}};
  EXPECT_THROW(to_json(table), c10::ValueError);
}

TEST(Json, TextIsValidForAnyBytesInNames) {
  const Table table{{{"name", "name"}}, {{std::string("a\xff\x01 \"b")}}};
  const auto read = nlohmann::json::parse(json_text(to_json(table)));
  EXPECT_EQ(read[0]["name"], "a\xef\xbf\xbd\x01 \"b");
}

TEST(Json, WritesNullForWhatIsNoNumber) {
  const Table table{{{"x", "x"}}, {{std::numeric_limits<double>::quiet_NaN()}}};
  const auto read = nlohmann::json::parse(json_text(to_json(table)));
  EXPECT_TRUE(read[0]["x"].is_null());
}

} // namespace
} // namespace coppice::json_test
