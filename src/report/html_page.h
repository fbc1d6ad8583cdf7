#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coppice/report/table.h"
#include "report/picture.h"

namespace coppice {

/// Escapes text for an HTML element or quoted attribute; control characters
/// become `?`.
std::string html_escaped(std::string_view text);

/// A headline: "3.42x", "as fast at batch 1", "1.23 ms before, 0.36 ms after".
struct HtmlFigure {
  std::string value;
  std::string label;
  std::string note;
};

/// Two amounts as bars on a scale of their own.
struct HtmlBars {
  std::string name;
  double before = 0;
  double after = 0;
  std::string before_text;
  std::string after_text; ///< Empty for no second bar.
  std::string verdict;    ///< "3.42x"
  std::string note;
};

/// A picture scaled so that its pixels are visible.
struct HtmlPicture {
  Picture picture;
  /// Width over height of its subject, kept approximately.
  double aspect = 1;
  double longest = 240; ///< Longest side on the screen, CSS pixels.
  std::string caption;  ///< Also its alternative text.
};

/// A subject and its pictures.
struct HtmlFrame {
  std::string title;
  std::string text;
  std::vector<HtmlPicture> pictures;
};

/// A self-contained HTML page without scripts or external resources, for light
/// and dark screens of any width and for paper. All texts are escaped.
class HtmlPage {
 public:
  /// `kind` is small above the title, `lead` below it.
  HtmlPage(std::string kind, std::string title, std::string lead);

  HtmlPage& figures(const std::vector<HtmlFigure>& figures);
  /// An important note.
  HtmlPage& caution(const std::string& text);
  HtmlPage& section(const std::string& title, const std::string& lead);
  /// A row with an empty first cell continues the row above it.
  ///
  /// Errors: c10::ValueError if a row has more cells than there are columns.
  HtmlPage& table(const Table& table);
  /// `before` and `after` name the two bars in the legend.
  HtmlPage& bars(
      const std::string& title,
      const std::string& before,
      const std::string& after,
      const std::vector<HtmlBars>& bars);
  HtmlPage& frames(const std::vector<HtmlFrame>& frames);
  /// Pairs of name and description.
  HtmlPage& facts(
      const std::vector<std::pair<std::string, std::string>>& facts);

  /// The HTML; `end` is a small footer.
  std::string text(const std::string& end) const;

 private:
  std::string title_;
  std::string body_;
  bool in_section_ = false;
};

} // namespace coppice
