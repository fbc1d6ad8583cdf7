#include "coppice/core/version.h"

namespace coppice {

const char* version() {
  return COPPICE_VERSION;
}

} // namespace coppice
