#pragma once

#include "archive/zip.h"
#include "io/foreign_file.h"

namespace coppice::io {

/// What a zip archive is that holds no data.pkl.
Foreign foreign_zip(const archive::ZipArchive& zip);

} // namespace coppice::io
