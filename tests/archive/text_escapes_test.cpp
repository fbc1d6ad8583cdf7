#include "archive/text_escapes.h"

#include <gtest/gtest.h>

namespace coppice::archive::text_escapes_test {
namespace {

TEST(TextEscapes, AreThoseOfPython) {
  EXPECT_EQ(unescaped("plain"), "plain");
  EXPECT_EQ(
      unescaped(R"(a\n\t\\\'\x41\101\0)"), std::string("a\n\t\\'AA\0", 8));
  EXPECT_EQ(unescaped(R"(\q)"), R"(\q)");
  EXPECT_EQ(unescaped(R"(\xff)"), "\xff");
}

TEST(TextEscapes, AreUnicode) {
  EXPECT_EQ(unescaped_unicode(R"(\u00e4\u20ac\U0001f600)"), "ä€😀");
  EXPECT_EQ(unescaped_unicode("\xe4\\u0041"), "äA");
  EXPECT_EQ(unescaped_unicode(R"(\n)"), R"(\n)");
}

TEST(TextEscapes, MayBeBroken) {
  EXPECT_FALSE(unescaped("\\"));
  EXPECT_FALSE(unescaped(R"(\x4)"));
  EXPECT_FALSE(unescaped(R"(\xzz)"));
  EXPECT_FALSE(unescaped_unicode(R"(\u12)"));
  EXPECT_FALSE(unescaped_unicode(R"(\U00110000)"));
}

} // namespace
} // namespace coppice::archive::text_escapes_test
