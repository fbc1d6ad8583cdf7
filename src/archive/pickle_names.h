#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "archive/pickle_value.h"
#include "coppice/archive/pickled_code.h"

namespace coppice::archive {

/// The foreign classes and functions of a pickle, and how often each is called.
class PickleNames {
 public:
  /// The value for a name; the same one each time.
  PickleValue add(PickleClass type);
  /// Counts a call of a value from `add`; ignores others.
  void count_call(const PickleValue& type);
  /// Counts a call that only looks up its result by name, such as `getattr` of
  /// a class: the result is reported instead of the function.
  void count_lookup(const PickleValue& type);
  /// Counts another use of a value, from the memo or by DUP.
  void count_use(const PickleValue& type);

  /// The names in order of appearance, without those that are part of pickling
  /// plain data.
  std::vector<PickledCode> take();

 private:
  struct Entry {
    PickleValue type;
    uint64_t calls = 0;
    uint64_t uses = 0;
    uint64_t lookups = 0; ///< If every use is one, the name is not reported.
  };

  Entry* entry_of(const PickleValue& type);

  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t> by_name_;
  std::unordered_map<const void*, size_t> by_identity_;
};

} // namespace coppice::archive
