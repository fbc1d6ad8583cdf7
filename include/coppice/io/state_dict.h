#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "coppice/archive/stored_tensor.h"
#include "coppice/export.h"

namespace coppice {

/// Tensors in file order, and the metadata of the file.
struct COPPICE_API StateDict {
  std::vector<StoredTensor> tensors;
  std::map<std::string, std::string> metadata;

  /// The tensor with that name; null if there is none.
  const StoredTensor* find(std::string_view name) const;
};

} // namespace coppice
