#include "coppice/core/pattern.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace coppice::pattern_test {
namespace {

using testing::message_of;

TEST(Pattern, ReadsBackWhatItPrints) {
  for (const Pattern& pattern :
       {Pattern(Unstructured{}),
        Pattern(BlockShape{16, 1}),
        Pattern(Nm{2, 4})}) {
    EXPECT_EQ(parse_pattern(to_string(pattern)), pattern);
  }
}

TEST(Pattern, PrintsAsUsersWriteIt) {
  EXPECT_EQ(to_string(BlockShape{1, 4}), "1x4");
  EXPECT_EQ(to_string(Nm{2, 4}), "2:4");
  EXPECT_EQ(to_string(Unstructured{}), "unstructured");
}

TEST(Pattern, RefusesAnythingElseAndSaysWhatItWants) {
  for (const char* text :
       {"",
        "4",
        "x",
        "1x",
        "x4",
        "0x4",
        "1x0",
        "-1x4",
        "1x4x2",
        "4:2",
        "2:",
        ":4",
        "0:4",
        "1 x4",
        "99999999999999999999x1"}) {
    const auto message = message_of([&] { parse_pattern(text); });
    EXPECT_THAT(message, ::testing::HasSubstr("such as `1x4`")) << text;
  }
}

} // namespace
} // namespace coppice::pattern_test
