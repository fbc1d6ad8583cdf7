#pragma once

#include <string>
#include <vector>

#include "archive/pickle_value.h"

namespace coppice::archive {

/// A pickle of protocol 2 and the storages that it names "0", "1", ...
struct WrittenPickle {
  std::string bytes;
  std::vector<PickleStorage> storages;
};

/// Errors: std::invalid_argument if `value` holds what has no form in a
/// torch.save file; its message goes behind the name of the file.
WrittenPickle write_pickle(const PickleValue& value);

} // namespace coppice::archive
