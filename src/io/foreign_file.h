#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "coppice/archive/mapped_file.h"

/// Recognizes common files that are not checkpoints, and says what to give
/// instead.
namespace coppice::io {

/// What a file is and what to do: "is a web page (HTML)", "fetch ...".
struct Foreign {
  std::string what;
  std::string advice;
};

/// Recognizes placeholders: Git LFS pointers, web pages, server errors. nullopt
/// for other text.
std::optional<Foreign> placeholder(std::string_view text);

/// Recognizes other text files. nullopt if the file is binary.
std::optional<Foreign> foreign_text(std::string_view text);

/// Errors: FileError if the file is empty or a placeholder.
void require_no_placeholder(const MappedFile& file);

/// The same, and also for files of foreign formats. Accepts checkpoints, intact
/// or broken, and zip archives.
void require_no_foreign(const MappedFile& file);

/// Errors: FileError if `path` is a folder; the message names the model file in
/// it if that is obvious.
void require_no_folder(const std::string& path);

} // namespace coppice::io
