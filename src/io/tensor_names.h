#pragma once

#include <string>
#include <unordered_set>

#include "archive/pickle_value.h"

namespace coppice::io {

/// Lists the tensors in a tree of values under their dotted names:
/// "model.fc.weight", "optimizer.state.0.exp_avg".
class TensorNames {
 public:
  /// `where` begins messages. `pickle_size` bounds the work: values that are
  /// shared again and again could else be listed for ever.
  TensorNames(std::string where, uint64_t pickle_size);

  /// Lists the tensors in `value`. `fixed` is why they must stay as they are.
  ///
  /// Errors: FileError if two have one name.
  void add(
      const PickleValue& value,
      const std::string& name,
      const std::string& fixed = "");

  /// All that was listed.
  std::vector<StoredTensor> take() {
    return std::move(tensors_);
  }

 private:
  void add_tensor(
      const PickleTensor& tensor,
      const std::string& name,
      const std::string& fixed);
  void add_items(
      const std::vector<PickleValue>& items,
      const std::string& name,
      const std::string& fixed);
  void add_dict(
      const PickleDict& dict,
      const std::string& name,
      const std::string& fixed);
  void add_object(
      const PickleObject& object,
      const std::string& name,
      const std::string& fixed);
  void charge(uint64_t bytes);

  std::string where_;
  uint64_t budget_;
  std::vector<StoredTensor> tensors_;
  std::unordered_set<std::string> names_;
};

} // namespace coppice::io
