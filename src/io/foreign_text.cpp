#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "archive/byte_reader.h"
#include "io/foreign_file.h"
#include "io/json_events.h"

namespace coppice::io {
namespace {

using json = nlohmann::json;

constexpr std::string_view kBlank = " \t\r\n\f";
/// Server errors are shorter.
constexpr size_t kMaxErrorBytes = size_t(64) << 10;

constexpr std::string_view kFetch =
    "fetch the file itself: check its address (on Hugging Face, `resolve` "
    "instead of `blob`) and whether it asks for a login";
constexpr std::string_view kGiveModel =
    "give a safetensors file, an index of shards, a torch.save file, a "
    "TorchScript archive or a .pt2";

/// The start of the text without byte order mark and leading whitespace, in
/// lower case.
std::string head_of(std::string_view text) {
  constexpr size_t kHead = 1024;
  if (text.substr(0, 3) == "\xef\xbb\xbf") {
    text.remove_prefix(3);
  }
  const auto begin = text.find_first_not_of(kBlank);
  std::string head(
      begin == std::string_view::npos ? "" : text.substr(begin, kHead));
  std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return head;
}

bool begins_with(std::string_view text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// The text between `begin` and `end`; empty if missing.
std::string_view
between(std::string_view text, std::string_view begin, std::string_view end) {
  const auto at = text.find(begin);
  if (at == std::string_view::npos) {
    return "";
  }
  text.remove_prefix(at + begin.size());
  const auto stop = text.find(end);
  return stop == std::string_view::npos ? "" : text.substr(0, stop);
}

std::optional<Foreign> pointer(std::string_view head) {
  if (begins_with(head, "version https://git-lfs.github.com/") ||
      begins_with(head, "version https://hawser.github.com/")) {
    const auto size = between(head, "\nsize ", "\n");
    return Foreign{
        size.empty() ? std::string("is a Git LFS pointer instead of the file")
                     : fmt::format(
                           "is a Git LFS pointer instead of a file of {} bytes",
                           in_quotes(size)),
        "run `git lfs pull` in its repository, or download the file itself"};
  }
  if (begins_with(head, "/annex/objects/") ||
      holds(head.substr(0, 200), ".git/annex/objects/")) {
    return Foreign{
        "is a git-annex pointer instead of the file",
        "run `git annex get` in its repository"};
  }
  if (begins_with(head, "outs:") && holds(head, "md5:")) {
    return Foreign{
        "is a DVC pointer instead of the file",
        "run `dvc pull` in its repository and give the file that it fetches"};
  }
  return std::nullopt;
}

bool is_html(std::string_view head) {
  for (const auto* begin :
       {"<!doctype html", "<html", "<head", "<body", "<title", "<script"}) {
    if (begins_with(head, begin)) {
      return true;
    }
  }
  return (begins_with(head, "<?xml") || begins_with(head, "<!--")) &&
      holds(head, "<html");
}

std::optional<Foreign> web_answer(
    std::string_view text,
    std::string_view head) {
  if (is_html(head)) {
    return Foreign{"is a web page (HTML)", std::string(kFetch)};
  }
  if (begins_with(head, "http/1.") || begins_with(head, "http/2")) {
    return Foreign{
        "starts with HTTP headers",
        "fetch the file without headers (curl without `-i`)"};
  }
  if (begins_with(head, "<?xml") || begins_with(head, "<error")) {
    const auto message = between(text.substr(0, 4096), "<Message>", "<");
    return Foreign{
        message.empty()
            ? std::string("is XML")
            : fmt::format("is a server's error, {}", in_quotes(message)),
        std::string(kFetch)};
  }
  return std::nullopt;
}

/// The error message in a JSON value; empty if there is none.
std::string error_in(const json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_array()) {
    return value.empty() ? "" : error_in(value.front());
  }
  if (value.is_object()) {
    for (const auto* member :
         {"error", "message", "error_message", "detail", "errors"}) {
      const auto found = value.find(member);
      if (found != value.end()) {
        return error_in(*found);
      }
    }
  }
  return "";
}

std::optional<Foreign> json_error(std::string_view text) {
  constexpr size_t kMaxMembers = 8;
  if (text.size() > kMaxErrorBytes) {
    return std::nullopt;
  }
  const auto value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object() || value.size() > kMaxMembers) {
    return std::nullopt;
  }
  const auto error = error_in(value);
  if (error.empty()) {
    return std::nullopt;
  }
  return Foreign{
      fmt::format("is a server's error, {}", in_quotes(error)),
      std::string(kFetch)};
}

bool is_text(std::string_view text) {
  constexpr size_t kHead = 512;
  auto head = text.substr(0, kHead);
  for (int i = 0; i < 4 && head.size() == kHead && !archive::is_utf8(head);
       ++i) {
    head.remove_suffix(1); // A truncated character.
  }
  return archive::is_utf8(head) &&
      std::none_of(head.begin(), head.end(), [](char c) {
           return static_cast<unsigned char>(c) < ' ' &&
               !holds(kBlank, {&c, 1});
         });
}

} // namespace

std::optional<Foreign> placeholder(std::string_view text) {
  const auto head = head_of(text);
  if (auto found = pointer(head)) {
    return found;
  }
  if (auto found = web_answer(text, head)) {
    return found;
  }
  return begins_with(head, "{") ? json_error(text) : std::nullopt;
}

std::optional<Foreign> foreign_text(std::string_view text) {
  if (!is_text(text)) {
    return std::nullopt;
  }
  const auto head = head_of(text);
  if (begins_with(head, "{") || begins_with(head, "[")) {
    const bool is_config = holds(head, "\"architectures\"") ||
        holds(head, "\"model_type\"") || holds(head, "\"_class_name\"");
    return Foreign{
        is_config ? "is a model's configuration (JSON), without its weights"
                  : "is JSON, and no index of shards",
        std::string(kGiveModel)};
  }
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) {
    return Foreign{"contains only whitespace", std::string(kGiveModel)};
  }
  constexpr size_t kShown = 60;
  const auto line =
      text.substr(begin, text.find_first_of("\r\n", begin) - begin);
  size_t shown = std::min(line.size(), kShown);
  while (shown > 0 && !archive::is_utf8(line.substr(0, shown))) {
    --shown;
  }
  return Foreign{
      fmt::format(
          "is of an unknown format, text, {}",
          in_quotes(line.substr(0, shown))),
      std::string(kGiveModel)};
}

} // namespace coppice::io
