#include "sparsify/state_file.h"

#include "sparsify/pickled_values.h"

namespace coppice::sparsify {

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

std::map<std::string, Values> states_of(const PickleValue& value) {
  std::map<std::string, Values> states;
  for_each_entry(
      entry_of(value, "state"), [&](const auto& name, const auto& entry) {
        states[name] = values_of(entry);
      });
  return states;
}

} // namespace coppice::sparsify
