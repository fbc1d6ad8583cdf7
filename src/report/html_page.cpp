#include "report/html_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/base64.h"
#include "report/check_row.h"
#include "report/html_style.h"

namespace coppice {
namespace {

/// The shortest side of a picture on the screen, CSS pixels.
constexpr double kShortest = 24;

/// `style` sets the length, which CSS sets in the legend.
std::string
bar(const char* kind, const std::string& style, const std::string& text) {
  return fmt::format(
      "<div class=\"bar {}\"><i{}></i><span>{}</span></div>\n",
      kind,
      style,
      html_escaped(text));
}

/// `share` of the width left beside the number.
std::string length(double share) {
  return fmt::format(" style=\"width:calc((100% - 12rem)*{:.4f})\"", share);
}

std::string bars_item(const HtmlBars& bars) {
  const double longest = std::max(bars.before, bars.after);
  const double scale = longest > 0 ? 1 / longest : 0;
  auto text =
      fmt::format("<li><div class=\"name\">{}", html_escaped(bars.name));
  if (!bars.note.empty()) {
    text +=
        fmt::format(" <span class=\"note\">{}</span>", html_escaped(bars.note));
  }
  text += "</div>\n<div>";
  text += bar("before", length(scale * bars.before), bars.before_text);
  if (!bars.after_text.empty()) {
    text += bar("after", length(scale * bars.after), bars.after_text);
  }
  return text +
      fmt::format(
             "</div>\n<div class=\"verdict{}\">{}</div></li>\n",
             bars.after_text.empty() ? " alone" : "",
             html_escaped(bars.verdict));
}

/// The size in screen pixels of `count` pixels: an integer multiple.
int64_t shown(int64_t count, double wanted) {
  return count * std::max<int64_t>(1, static_cast<int64_t>(wanted) / count);
}

std::string figure_of(const HtmlPicture& picture) {
  const double aspect = picture.aspect > 0 ? picture.aspect : 1;
  const double longest = picture.longest;
  const double width = std::max(kShortest, longest * std::min(1.0, aspect));
  const double height = std::max(kShortest, longest / std::max(1.0, aspect));
  const auto caption = html_escaped(picture.caption);
  return fmt::format(
      "<figure><img width=\"{}\" height=\"{}\" alt=\"{}\" "
      "src=\"data:image/png;base64,{}\">\n"
      "<figcaption>{}</figcaption></figure>\n",
      shown(picture.picture.cols, width),
      shown(picture.picture.rows, height),
      caption,
      report::base64(to_png(picture.picture)),
      caption);
}

bool is_number(CellFormat format) {
  return format != CellFormat::kText;
}

std::string table_cell(const Cell& cell, CellFormat format) {
  return fmt::format(
      "<td class=\"{}\">{}</td>",
      is_number(format) ? "number" : "text",
      html_escaped(to_text(cell, format)));
}

std::string table_row(const Table& table, const std::vector<Cell>& row) {
  report::check_row(table, row);
  const bool continues =
      row.empty() || std::holds_alternative<std::monostate>(row.front());
  std::string text = continues ? "<tr class=\"more\">" : "<tr>";
  for (size_t i = 0; i < table.columns.size(); ++i) {
    text +=
        table_cell(i < row.size() ? row[i] : Cell(), table.columns[i].format);
  }
  return text + "</tr>\n";
}

} // namespace

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        const auto code = static_cast<unsigned char>(c);
        out += code < 0x20 || code == 0x7f ? '?' : c;
    }
  }
  return out;
}

HtmlPage::HtmlPage(std::string kind, std::string title, std::string lead)
    : title_(html_escaped(title)) {
  body_ = fmt::format(
      "<header>\n<p class=\"kind\">{}</p>\n<h1>{}</h1>\n"
      "<p class=\"lead\">{}</p>\n</header>\n",
      html_escaped(kind),
      title_,
      html_escaped(lead));
}

HtmlPage& HtmlPage::figures(const std::vector<HtmlFigure>& figures) {
  body_ += "<dl class=\"figures\">\n";
  for (const auto& figure : figures) {
    body_ += fmt::format(
        "<div><dt>{}</dt>\n<dd class=\"value\">{}</dd>\n"
        "<dd class=\"note\">{}</dd></div>\n",
        html_escaped(figure.label),
        html_escaped(figure.value),
        html_escaped(figure.note));
  }
  body_ += "</dl>\n";
  return *this;
}

HtmlPage& HtmlPage::caution(const std::string& text) {
  body_ += fmt::format("<p class=\"caution\">{}</p>\n", html_escaped(text));
  return *this;
}

HtmlPage& HtmlPage::section(const std::string& title, const std::string& lead) {
  body_ += fmt::format(
      "{}<section>\n<h2>{}</h2>\n<p class=\"lead\">{}</p>\n",
      in_section_ ? "</section>\n" : "",
      html_escaped(title),
      html_escaped(lead));
  in_section_ = true;
  return *this;
}

HtmlPage& HtmlPage::table(const Table& table) {
  std::string text = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (const auto& column : table.columns) {
    text += fmt::format(
        "<th scope=\"col\"{}>{}</th>",
        is_number(column.format) ? " class=\"number\"" : "",
        html_escaped(column.title));
  }
  text += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    text += table_row(table, row);
  }
  body_ += text + "</tbody>\n</table></div>\n";
  return *this;
}

HtmlPage& HtmlPage::bars(
    const std::string& title,
    const std::string& before,
    const std::string& after,
    const std::vector<HtmlBars>& bars) {
  body_ += fmt::format(
      "<h3>{}</h3>\n<div class=\"key\">{}{}</div>\n<ul class=\"bars\">\n",
      html_escaped(title),
      bar("before", "", before),
      bar("after", "", after));
  for (const auto& each : bars) {
    body_ += bars_item(each);
  }
  body_ += "</ul>\n";
  return *this;
}

HtmlPage& HtmlPage::frames(const std::vector<HtmlFrame>& frames) {
  body_ += "<div class=\"frames\">\n";
  for (const auto& frame : frames) {
    body_ += fmt::format(
        "<div class=\"frame{}\"><p class=\"title\">{}</p>\n"
        "<p class=\"text\">{}</p>\n<div class=\"pictures\">\n",
        frame.pictures.size() > 1 ? " wide" : "",
        html_escaped(frame.title),
        html_escaped(frame.text));
    for (const auto& picture : frame.pictures) {
      body_ += figure_of(picture);
    }
    body_ += "</div></div>\n";
  }
  body_ += "</div>\n";
  return *this;
}

HtmlPage& HtmlPage::facts(
    const std::vector<std::pair<std::string, std::string>>& facts) {
  body_ += "<dl class=\"facts\">\n";
  for (const auto& [name, text] : facts) {
    body_ += fmt::format(
        "<dt>{}</dt><dd>{}</dd>\n", html_escaped(name), html_escaped(text));
  }
  body_ += "</dl>\n";
  return *this;
}

std::string HtmlPage::text(const std::string& end) const {
  // The policy makes browsers block all external resources.
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
      "'none'; style-src 'unsafe-inline'; img-src data:\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n<title>{}</title>\n<style>{}</style>\n</head>\n"
      "<body>\n{}{}<footer>{}</footer>\n</body>\n</html>\n",
      title_,
      report::kHtmlStyle,
      body_,
      in_section_ ? "</section>\n" : "",
      html_escaped(end));
}

} // namespace coppice
