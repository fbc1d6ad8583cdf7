#include "sparsify/state_file.h"

namespace coppice {

const PickleValue& entry_of(const PickleValue& value, const char* key) {
  const auto* dict = value.get_if<PickleDict>();
  const auto* entry = dict ? dict->find(key) : nullptr;
  TORCH_CHECK_VALUE(
      entry,
      "it has no entry `",
      key,
      "`; give what `torch.save(sparsifier.state_dict(), ...)` wrote");
  return *entry;
}

} // namespace coppice
