#include "io/json_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "coppice/archive/file_error.h"
#include "support/file_errors.h"

namespace coppice::io::json_document_test {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<const JsonDocument> parse(const std::string& text) {
  return JsonDocument::parse(text, "a.json");
}

std::string problem_of(const std::string& text) {
  return testing::sentence_of<FileError>([&] { parse(text); });
}

TEST(JsonDocument, HoldsEveryKindOfValue) {
  const auto document = parse(
      R"({"a": [1, -2, 2.5, 1e3, "x\"\n", true, false, null, [], {}],
          "b": {"c": {"d": 7}}, "": 0})");
  const auto root = document->root();
  const auto list = root["a"].items();
  ASSERT_EQ(list.size(), 10);
  EXPECT_EQ(list[0].integer(), 1);
  EXPECT_EQ(list[1].integer(), -2);
  EXPECT_EQ(list[1].real(), -2);
  EXPECT_EQ(list[2].real(), 2.5);
  EXPECT_EQ(list[2].integer(), std::nullopt);
  EXPECT_EQ(list[3].real(), 1000);
  EXPECT_EQ(list[4].text(), "x\"\n");
  EXPECT_EQ(list[5].truth(), true);
  EXPECT_EQ(list[6].truth(), false);
  EXPECT_EQ(list[7].kind(), JsonKind::Null);
  EXPECT_FALSE(list[7]);
  EXPECT_EQ(list[8].kind(), JsonKind::Array);
  EXPECT_TRUE(list[8].items().empty());
  EXPECT_EQ(list[9].kind(), JsonKind::Object);
  EXPECT_EQ(root["b"]["c"]["d"].integer(), 7);
  EXPECT_EQ(root[""].integer(), 0);
}

TEST(JsonDocument, GivesTheMembersOfAnObjectInTheirOrder) {
  const auto document = parse(R"({"z": {"y": 1}, "b": [2, 3], "a": 4})");
  std::string keys;
  for (const auto& member : document->root().items()) {
    keys += member.key();
  }
  EXPECT_EQ(keys, "zba");
  EXPECT_EQ(document->root()["a"].integer(), 4);
}

TEST(JsonDocument, HasNothingWhereNothingIs) {
  const auto document = parse(R"({"a": 1})");
  const auto root = document->root();
  EXPECT_EQ(root["b"].kind(), JsonKind::None);
  EXPECT_EQ(root["b"]["c"].text(), std::nullopt);
  EXPECT_EQ(root["a"]["c"].integer(), std::nullopt);
  EXPECT_TRUE(root["b"].items().empty());
  EXPECT_TRUE(root["a"].items().empty());
  EXPECT_EQ(JsonNode().real(), std::nullopt);
  EXPECT_EQ(root["a"].text(), std::nullopt);
}

TEST(JsonDocument, TakesPythonsNumbers) {
  const auto document = parse(
      R"({"a": [NaN, Infinity, -Infinity, "NaN"], "Infinity": "\"NaN", "c": 1})");
  const auto list = document->root()["a"].items();
  EXPECT_TRUE(std::isnan(list[0].real().value()));
  EXPECT_EQ(list[1].real(), INFINITY);
  EXPECT_EQ(list[2].real(), -INFINITY);
  EXPECT_TRUE(std::isnan(list[3].real().value()));
  EXPECT_EQ(document->root()["Infinity"].text(), "\"NaN");
}

TEST(JsonDocument, TakesNumbersBeyondItsIntegers) {
  const auto document = parse(
      "[9223372036854775807, 9223372036854775808, "
      "-9223372036854775809]");
  const auto list = document->root().items();
  EXPECT_EQ(list[0].integer(), INT64_MAX);
  EXPECT_EQ(list[1].integer(), std::nullopt);
  EXPECT_EQ(list[1].real(), 9223372036854775808.0);
  EXPECT_EQ(list[2].real(), -9223372036854775808.0);
}

TEST(JsonDocument, SaysWhatIsWrong) {
  EXPECT_THAT(problem_of("{"), HasSubstr("a.json is not valid JSON at"));
  EXPECT_THAT(problem_of(""), HasSubstr("not valid JSON"));
  EXPECT_THAT(problem_of("[1] 2"), HasSubstr("not valid JSON"));
  EXPECT_THAT(problem_of("[-NaN]"), HasSubstr("not valid JSON"));
  EXPECT_THAT(
      problem_of(R"({"a": {"b": 1, "c": 2, "b": 3}})"),
      HasSubstr("holds `b` twice"));
  EXPECT_THAT(problem_of(std::string(1000, '[')), HasSubstr("deeper than 500"));
}

} // namespace
} // namespace coppice::io::json_document_test
