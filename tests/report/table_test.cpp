#include "coppice/report/table.h"

#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace coppice::table_test {
namespace {

TEST(Table, AlignsTextLeftAndNumbersRight) {
  const Table table{
      {{"name", "layer"},
       {"count", "weights", CellFormat::kCount},
       {"note", "note"}},
      {{std::string("conv1"), int64_t(512)},
       {std::string("fc"), int64_t(3211264), std::string("pruned")}}};
  EXPECT_EQ(
      to_text(table),
      "layer    weights  note\n"
      "-----  ---------  ------\n"
      "conv1        512\n"
      "fc     3,211,264  pruned\n");
}

TEST(Table, OfNoRowsHasItsTitles) {
  EXPECT_EQ(to_text(Table{{{"name", "layer"}}, {}}), "layer\n-----\n");
}

TEST(Table, CountsCharactersNotBytes) {
  const Table table{
      {{"name", "name"}, {"n", "n", CellFormat::kCount}},
      {{std::string("größe"), int64_t(1)}, {std::string("width"), int64_t(2)}}};
  EXPECT_EQ(
      to_text(table),
      "name   n\n"
      "-----  -\n"
      "größe  1\n"
      "width  2\n");
}

TEST(Table, RefusesARowThatIsTooLong) {
  const Table table{{{"a", "a"}}, {{int64_t(1), int64_t(2)}}};
  EXPECT_THROW(to_text(table), c10::ValueError);
}

TEST(Cell, KeepsControlCharactersOfNamesFromTheTerminal) {
  EXPECT_EQ(to_text(std::string("a\x1b[2Jb\n"), CellFormat::kText), "a?[2Jb?");
}

TEST(Cell, PrintsCountsWithThousands) {
  EXPECT_EQ(to_text(int64_t(0), CellFormat::kCount), "0");
  EXPECT_EQ(to_text(int64_t(999), CellFormat::kCount), "999");
  EXPECT_EQ(to_text(int64_t(1000), CellFormat::kCount), "1,000");
  EXPECT_EQ(to_text(int64_t(-999), CellFormat::kCount), "-999");
  EXPECT_EQ(to_text(int64_t(-1234567), CellFormat::kCount), "-1,234,567");
}

TEST(Cell, PrintsSharesAsPercent) {
  EXPECT_EQ(to_text(0.9, CellFormat::kPercent), "90.00%");
  EXPECT_EQ(to_text(int64_t(1), CellFormat::kPercent), "100.00%");
}

TEST(Cell, PrintsBytesInTheUnitThatFits) {
  EXPECT_EQ(to_text(int64_t(999), CellFormat::kBytes), "999 B");
  EXPECT_EQ(to_text(int64_t(1000), CellFormat::kBytes), "1.00 kB");
  EXPECT_EQ(to_text(int64_t(999999), CellFormat::kBytes), "1.00 MB");
  EXPECT_EQ(to_text(int64_t(13000000), CellFormat::kBytes), "13.00 MB");
  EXPECT_EQ(
      to_text(std::numeric_limits<int64_t>::max(), CellFormat::kBytes),
      "9.22 EB");
}

TEST(Cell, PrintsADashForWhatIsNoNumber) {
  EXPECT_EQ(
      to_text(std::numeric_limits<double>::quiet_NaN(), CellFormat::kPercent),
      "-");
}

} // namespace
} // namespace coppice::table_test
