#include "cli/load_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace coppice::cli::load_error_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string said_of(const std::string& text) {
  return load_error(std::runtime_error(text));
}

TEST(LoadError, NamesTheOpOfALibrary) {
  const auto said = said_of(
      "\nUnknown builtin op: deepmd::border_op.\nCould not find any similar "
      "ops "
      "to deepmd::border_op. This op may not exist or may not be currently "
      "supported in TorchScript.\n:\n  File \"code/__torch__/net.py\", line 3");
  EXPECT_EQ(
      said,
      "it calls `deepmd::border_op`, an op of a library that is not loaded; "
      "give the library with --load LIBRARY");
  EXPECT_THAT(
      said_of("Unknown builtin op: torchvision::nms.\nCould not find any"),
      HasSubstr("`torchvision::nms`, an op of a library"));
}

TEST(LoadError, TellsAnOpOfANewerLibTorch) {
  EXPECT_THAT(
      said_of("\nUnknown builtin op: aten::scaled_dot_product_attention.\nHere "
              "are some suggestions: \n\taten::_scaled_dot_product_attention"),
      HasSubstr("`aten::scaled_dot_product_attention`, which LibTorch"));
  EXPECT_THAT(
      said_of("Attempted to read a PyTorch file with version 10, but the "
              "maximum supported version for reading is 7. Your PyTorch "
              "installation may be too old."),
      HasSubstr("in version 10 of the format"));
}

TEST(LoadError, NamesTheClassOfALibrary) {
  for (const char* text :
       {"\nUnknown type name '__torch__.torch.classes.mine.Table':\n  File",
        "Can't find class __torch__.torch.classes.mine.Table",
        "Tried to instantiate class 'mine.Table', but it does not exist! "
        "Ensure that it is registered via torch::class_"}) {
    const auto said = said_of(text);
    EXPECT_THAT(said, HasSubstr("`mine.Table`, a class of a library"));
    EXPECT_THAT(said, Not(HasSubstr("__torch__")));
  }
}

TEST(LoadError, ShortensTheRest) {
  EXPECT_EQ(
      said_of(
          "\nRuntimeError: c10::Thing of __torch__.net.Net is odd.\n:\n at"),
      "Thing of Net is odd");
}

} // namespace
} // namespace coppice::cli::load_error_test
