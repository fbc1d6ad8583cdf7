#include "report/html_page.h"

#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/html.h"
#include "support/png.h"

namespace coppice::html_page_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// A name from a file, and its form in the HTML.
const std::string kEvil = "<script src=\"http://x/\">'&\n";
const std::string kHarmless =
    "&lt;script src=&quot;http://x/&quot;&gt;&#39;&amp;?";

HtmlBars bars(double before, double after) {
  HtmlBars bars;
  bars.name = "fc1";
  bars.before = before;
  bars.after = after;
  bars.before_text = "before";
  bars.after_text = "after";
  return bars;
}

HtmlPicture picture(int64_t rows, int64_t cols, double aspect) {
  HtmlPicture picture;
  picture.picture = {rows, cols, std::vector<float>(rows * cols, 1.f)};
  picture.aspect = aspect;
  return picture;
}

/// All parts with `text` wherever they take text.
std::string page_of(const std::string& text) {
  HtmlBars bar = bars(2, 1);
  bar.name = bar.before_text = bar.after_text = bar.verdict = bar.note = text;
  HtmlPicture shown = picture(2, 2, 1);
  shown.caption = text;
  const Table table{
      {{"a", text}, {"n", "n", CellFormat::kCount}},
      {{text, int64_t(1234)}, {Cell(), int64_t(2)}}};
  return HtmlPage(text, text, text)
      .caution(text)
      .figures({{text, text, text}})
      .section(text, text)
      .table(table)
      .bars(text, text, text, {bar})
      .section(text, text)
      .frames({{text, text, {shown, shown}}})
      .facts({{text, text}})
      .text(text);
}

TEST(HtmlEscaped, EscapesAllMarkup) {
  EXPECT_EQ(html_escaped(kEvil), kHarmless);
  EXPECT_EQ(html_escaped("größe ×"), "größe ×");
  EXPECT_EQ(html_escaped(std::string("a\0b\x7f", 4)), "a?b?");
}

TEST(HtmlPage, ShowsEveryTextAsItIs) {
  const auto page = page_of(kEvil);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("x/\">'")));
  testing::require_balanced(page);
  size_t count = 0;
  for (size_t at = page.find(kHarmless); at != std::string::npos;
       at = page.find(kHarmless, at + 1)) {
    ++count;
  }
  // Once each, except for the title and captions, which appear twice.
  EXPECT_EQ(count, 31U);
}

TEST(HtmlPage, LoadsNothing) {
  const auto page = page_of("x");
  for (const char* loads :
       {"http:",
        "https:",
        "url(",
        "@import",
        "<link",
        "<script",
        "href",
        "//"}) {
    EXPECT_THAT(page, Not(HasSubstr(loads)));
  }
  EXPECT_THAT(page, HasSubstr("content=\"default-src 'none'; "));
}

TEST(HtmlPage, HasTheTable) {
  const auto page = page_of("x");
  EXPECT_THAT(page, HasSubstr("<th scope=\"col\" class=\"number\">n</th>"));
  EXPECT_THAT(
      page,
      HasSubstr("<tr><td class=\"text\">x</td><td "
                "class=\"number\">1,234</td></tr>\n<tr class=\"more\">"));
  EXPECT_THROW(
      HtmlPage("", "", "").table({{{"a", "a"}}, {{int64_t(1), int64_t(2)}}}),
      c10::ValueError);
}

TEST(HtmlPage, DrawsBarsInTheirRatio) {
  const auto widths = [](double before, double after) {
    const auto page =
        HtmlPage("", "", "").bars("", "", "", {bars(before, after)}).text("");
    return testing::attributes(page, "style");
  };
  const auto width = [](const char* share) {
    return std::string("width:calc((100% - 12rem)*") + share + ")";
  };
  EXPECT_THAT(widths(8, 2), ElementsAre(width("1.0000"), width("0.2500")));
  EXPECT_THAT(widths(1, 4), ElementsAre(width("0.2500"), width("1.0000")));
  EXPECT_THAT(widths(0, 0), ElementsAre(width("0.0000"), width("0.0000")));
}

TEST(HtmlPage, DrawsOneBarIfThereIsNoSecond) {
  auto one = bars(3, 0);
  one.after_text = "";
  const auto page = HtmlPage("", "", "").bars("", "", "", {one}).text("");
  EXPECT_EQ(testing::attributes(page, "style").size(), 1U);
}

TEST(HtmlPage, ShowsAPixelOfAPictureOnAWholeNumberOfTheScreen) {
  const auto sizes = [](const HtmlPicture& shown) {
    const auto page = HtmlPage("", "", "").frames({{"", "", {shown}}}).text("");
    return std::pair(
        testing::attributes(page, "width"),
        testing::attributes(page, "height"));
  };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(sizes(picture(60, 120, 2)), std::pair(Texts{"240"}, Texts{"120"}));
  EXPECT_EQ(
      sizes(picture(16, 27, 27. / 16)), std::pair(Texts{"216"}, Texts{"128"}));
  // Even very flat matrices are visible.
  EXPECT_EQ(sizes(picture(1, 114, 1024)), std::pair(Texts{"228"}, Texts{"24"}));
  EXPECT_EQ(sizes(picture(120, 1, 1e-9)), std::pair(Texts{"24"}, Texts{"240"}));
}

TEST(HtmlPage, HoldsPicturesWhole) {
  HtmlPicture shown = picture(3, 5, 1);
  shown.picture.shares[7] = 0;
  const auto page = HtmlPage("", "", "").frames({{"", "", {shown}}}).text("");
  const auto images = testing::attributes(page, "src");
  ASSERT_EQ(images.size(), 1U);
  const auto png = testing::decoded_png(testing::png_in(images[0]));
  for (uint32_t y = 0; y < 3; ++y) {
    for (uint32_t x = 0; x < 5; ++x) {
      EXPECT_EQ(png.shade(x, y), y == 1 && x == 2 ? 0 : 15);
    }
  }
}

} // namespace
} // namespace coppice::html_page_test
