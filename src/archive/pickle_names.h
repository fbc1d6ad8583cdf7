#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "archive/pickle_value.h"
#include "coppice/archive/pickled_code.h"

namespace coppice::archive {

/// The classes and functions of a pickle that are not on the list of what makes
/// plain data: which there are, and how often each is called.
class PickleNames {
 public:
  /// The one value for a name, however often a pickle gives it.
  PickleValue add(PickleClass type);
  /// Counts a call of a value that `add` gave; of any other, nothing.
  void count_call(const PickleValue& type);

  /// In the order in which the pickle names them, without those that belong to
  /// how plain things are pickled.
  std::vector<PickledCode> take();

 private:
  struct Entry {
    PickleValue type;
    uint64_t calls = 0;
  };

  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t> by_name_;
  std::unordered_map<const void*, size_t> by_identity_;
};

} // namespace coppice::archive
