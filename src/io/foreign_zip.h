#pragma once

#include "io/foreign_file.h"
#include "io/zip.h"

namespace coppice::io {

/// What a zip archive is that holds no data.pkl.
Foreign foreign_zip(const ZipArchive& zip);

} // namespace coppice::io
