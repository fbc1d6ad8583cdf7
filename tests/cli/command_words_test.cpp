#include "cli/command_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coppice::cli::command_words_test {
namespace {

TEST(CommandWords, AreWhatAShellTakesBack) {
  EXPECT_EQ(
      quoted_words({"coppice", "bench", "a/b-1.pt", "--input=1x784:int64"}),
      "coppice bench a/b-1.pt --input=1x784:int64");
  EXPECT_EQ(
      quoted_words({"", "a b", "it's", "$x", "*"}),
      "'' 'a b' 'it'\\''s' '$x' '*'");
  EXPECT_EQ(quoted_words({}), "");
}

TEST(CommandWords, AreThoseOfThisProgram) {
  EXPECT_THAT(command_words(), ::testing::StartsWith("cli_tests"));
}

} // namespace
} // namespace coppice::cli::command_words_test
