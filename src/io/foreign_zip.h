#pragma once

#include <optional>

#include "archive/zip.h"
#include "io/foreign_file.h"

namespace coppice::io {

/// Recognizes an AOTInductor package; nullopt for other archives.
std::optional<Foreign> aot_inductor_package(const archive::ZipArchive& zip);

/// What a zip archive without data.pkl is.
Foreign foreign_zip(const archive::ZipArchive& zip);

} // namespace coppice::io
