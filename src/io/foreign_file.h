#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "coppice/archive/mapped_file.h"

/// Files that are no checkpoints but come where one is meant: what they are,
/// and what to give instead.
namespace coppice::io {

/// What a file is, and what to do: "is a web page (HTML); fetch ...".
struct Foreign {
  std::string what;
  std::string advice;
};

/// What comes in place of any file: a Git LFS pointer, a web page, a server's
/// error. nullopt if the text is none of these.
std::optional<Foreign> stand_in(std::string_view text);

/// Files of text that is none of these. nullopt if it is no text.
std::optional<Foreign> foreign_text(std::string_view text);

/// Errors: FileError if the file is empty or stands in place of another.
void require_no_stand_in(const MappedFile& file);

/// The same, and for files of formats that are none of a checkpoint. Says
/// nothing of files that are, whole or broken, nor of zip archives.
void require_no_foreign(const MappedFile& file);

/// Errors: FileError if `path` is a folder; it names the model's file in it if
/// there is an obvious one.
void require_no_folder(const std::string& path);

} // namespace coppice::io
