#pragma once

#include <string>
#include <vector>

#include "archive/pickle_value.h"

namespace coppice::archive {

/// A pickle of protocol 2 and its storages, which it names "0", "1", ...
struct WrittenPickle {
  std::string bytes;
  std::vector<PickleStorage> storages;
};

/// Errors: std::invalid_argument if `value` contains something that a
/// torch.save file cannot store; the message follows the name of the file.
WrittenPickle write_pickle(const PickleValue& value);

} // namespace coppice::archive
