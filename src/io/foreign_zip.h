#pragma once

#include <optional>

#include "archive/zip.h"
#include "io/foreign_file.h"

namespace coppice::io {

/// What to say of a package of AOTInductor; nullopt if an archive is none.
std::optional<Foreign> aot_inductor_package(const archive::ZipArchive& zip);

/// What a zip archive is that holds no data.pkl.
Foreign foreign_zip(const archive::ZipArchive& zip);

} // namespace coppice::io
