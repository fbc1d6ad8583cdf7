#include "cli/page_text.h"

#include <gtest/gtest.h>

namespace coppice::cli::page_text_test {
namespace {

TEST(PageText, NamesTimesInTheUnitThatFits) {
  EXPECT_EQ(time_text(0.64), "0.6 µs");
  EXPECT_EQ(time_text(999.4), "999.4 µs");
  EXPECT_EQ(time_text(1234), "1.23 ms");
  EXPECT_EQ(time_text(2.5e6), "2.50 s");
}

TEST(PageText, NamesRatiosInThreeDigits) {
  EXPECT_EQ(times_text(342, 100), "3.42×");
  EXPECT_EQ(times_text(50, 100), "0.50×");
  EXPECT_EQ(times_text(1542, 100), "15.4×");
  EXPECT_EQ(times_text(30811, 100), "308×");
}

TEST(PageText, NamesBytesInThreeDigits) {
  EXPECT_EQ(short_bytes_text(0), "0 B");
  EXPECT_EQ(short_bytes_text(999), "999 B");
  EXPECT_EQ(short_bytes_text(137790), "138 kB");
  EXPECT_EQ(short_bytes_text(999600), "1 MB");
  EXPECT_EQ(short_bytes_text(12960000), "13 MB");
}

} // namespace
} // namespace coppice::cli::page_text_test
