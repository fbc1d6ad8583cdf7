#pragma once

#include <string>
#include <vector>

#include "coppice/core/values.h"

namespace coppice::schedule {

/// Removes the entries of a scheduler's state one by one, so that all are
/// checked before anything is changed.
///
/// Errors: every function throws c10::ValueError with the key, the value and
///   what was expected.
class StateReader {
 public:
  /// `groups` is the length that lists must have.
  StateReader(Values state, size_t groups);

  bool boolean(const std::string& key);
  int64_t integer(const std::string& key);
  /// Accepts integers: Python writes a level of 0 as one.
  std::vector<double> numbers(const std::string& key);
  std::vector<int64_t> integers(const std::string& key);
  std::vector<bool> booleans(const std::string& key);

  bool contains(const std::string& key) const;
  /// The entries that were not read.
  const Values& rest() const;
  void expect_nothing_left() const;

 private:
  c10::IValue take(const std::string& key);
  std::vector<c10::IValue> take_list(const std::string& key);

  Values rest_;
  size_t groups_;
};

} // namespace coppice::schedule
