#include "coppice/io/state_dict.h"

#include <algorithm>

namespace coppice {

const StoredTensor* StateDict::find(std::string_view name) const {
  const auto found = std::find_if(
      tensors.begin(), tensors.end(), [name](const StoredTensor& tensor) {
        return tensor.name == name;
      });
  return found == tensors.end() ? nullptr : &*found;
}

} // namespace coppice
