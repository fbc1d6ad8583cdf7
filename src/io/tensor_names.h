#pragma once

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "archive/pickle_value.h"
#include "coppice/io/checkpoint.h"

namespace coppice::io {

/// Lists the tensors in a tree of values by dotted names: "model.fc.weight",
/// "optimizer.state.0.exp_avg". Those in a pickled module have the names of its
/// `state_dict()`, those in other objects names of attributes, keys and
/// positions.
class TensorNames {
 public:
  /// `where` is the prefix of messages. `pickle_size` bounds the work: values
  /// shared repeatedly could make the list exponentially long.
  TensorNames(std::string where, uint64_t pickle_size);

  /// Lists the tensors in `value`. `fixed` is their `fixed_because`.
  ///
  /// Errors: FileError if two have the same name.
  void add(
      const PickleValue& value,
      const std::string& name,
      const std::string& fixed = "");

  /// Moves the tensors, and why some are not weights, to `checkpoint`.
  void give_to(Checkpoint& checkpoint);

 private:
  /// How a value was reached.
  enum class Way {
    Plain,  ///< Through lists and dictionaries only.
    Module, ///< As in `state_dict()`.
    Object, ///< Through other content of an object. Not listed if the
            ///< tensor has another name.
  };

  /// A value to visit, with the properties of everything below it.
  struct Visit {
    const PickleValue* value = nullptr;
    std::string name;
    std::string fixed; ///< `fixed_because` of tensors.
    std::string left;  ///< Why tensors are not weights.
    Way way = Way::Plain;
    const void* leaves =
        nullptr; ///< If set: the end of the visit of that object.
  };

  struct Listed {
    StoredTensor tensor;
    std::string left;
    bool may_have_other_name = false;
  };

  static std::string join(const std::string& name, const std::string& part);
  /// Whether tensors can be in a value or be it.
  static bool leads_to_tensors(const PickleValue& value);

  void visit(const Visit& at);
  bool enter(const Visit& at);
  void add_child(const Visit& at, const PickleValue& value, std::string name);
  void add_tensor(
      const Visit& at,
      const PickleTensor& tensor,
      const std::string& name,
      const std::string& fixed);
  void add_items(const Visit& at, const std::vector<PickleValue>& items);
  void add_entries(
      const Visit& at,
      const std::vector<std::pair<PickleValue, PickleValue>>& entries);
  void add_object(const Visit& at, const PickleObject& object);
  void add_inert(const Visit& at, const PickleInert& inert);
  void add_array(const Visit& at, const PickleInert& array);
  void add_arguments(const Visit& at, const PickleInert& inert);
  void add_state(
      const Visit& at,
      const PickleInert& inert,
      const PickleValue& state);
  void add_module(
      const Visit& at,
      const PickleInert& inert,
      const PickleDict& attributes);
  std::string free_name(std::string name, Way way);
  void drop_second_names();
  void charge(uint64_t bytes);

  std::string where_;
  uint64_t budget_;
  std::vector<Visit> visits_;              ///< Pending; the next is the last.
  std::vector<Visit> children_;            ///< Of the current value.
  std::unordered_set<const void*> seen_;   ///< Found through objects.
  std::unordered_set<const void*> on_way_; ///< Enclosing objects.
  std::vector<Listed> tensors_;
  std::unordered_set<std::string> names_;
};

} // namespace coppice::io
