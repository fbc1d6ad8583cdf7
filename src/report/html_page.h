#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coppice/report/table.h"
#include "report/picture.h"

namespace coppice {

/// Text as it reads in HTML, inside an element or a quoted attribute; control
/// characters become `?`.
std::string html_escaped(std::string_view text);

/// A headline: "3.42x", "as fast at batch 1", "1.23 ms before, 0.36 ms after".
struct HtmlFigure {
  std::string value;
  std::string label;
  std::string note;
};

/// Two amounts of one thing, drawn on a scale of their own.
struct HtmlBars {
  std::string name;
  double before = 0;
  double after = 0;
  std::string before_text;
  std::string after_text; ///< Empty: there is no second bar.
  std::string verdict;    ///< "3.42x"
  std::string note;
};

/// A picture at a size that shows its pixels.
struct HtmlPicture {
  Picture picture;
  /// Width of what it shows over its height, kept roughly.
  double aspect = 1;
  double longest = 240; ///< Of its sides on the screen, at most; CSS pixels.
  std::string caption;  ///< Also what is read out in its place.
};

/// A thing and its pictures.
struct HtmlFrame {
  std::string title;
  std::string text;
  std::vector<HtmlPicture> pictures;
};

/// A self-contained page: one text that loads nothing, without scripts, for
/// screens light and dark, wide and narrow, and for paper. Every text that is
/// given is shown as it is, never as HTML.
class HtmlPage {
 public:
  /// `kind` stands small above the title, `lead` below it.
  HtmlPage(std::string kind, std::string title, std::string lead);

  HtmlPage& figures(const std::vector<HtmlFigure>& figures);
  /// What a reader has to know before anything else.
  HtmlPage& caution(const std::string& text);
  HtmlPage& section(const std::string& title, const std::string& lead);
  /// A row that begins with an empty cell continues the row above it.
  ///
  /// Errors: c10::ValueError if a row has more cells than there are columns.
  HtmlPage& table(const Table& table);
  /// `before` and `after` say what the two bars of each are.
  HtmlPage& bars(
      const std::string& title,
      const std::string& before,
      const std::string& after,
      const std::vector<HtmlBars>& bars);
  HtmlPage& frames(const std::vector<HtmlFrame>& frames);
  /// Names and what is to be said of them.
  HtmlPage& facts(
      const std::vector<std::pair<std::string, std::string>>& facts);

  /// The whole page; `end` stands small at its end.
  std::string text(const std::string& end) const;

 private:
  std::string title_;
  std::string body_;
  bool in_section_ = false;
};

} // namespace coppice
