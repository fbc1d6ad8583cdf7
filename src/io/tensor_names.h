#pragma once

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "archive/pickle_value.h"
#include "coppice/io/checkpoint.h"

namespace coppice::io {

/// Lists the tensors in a tree of values under their dotted names:
/// "model.fc.weight", "optimizer.state.0.exp_avg". Those in a pickled module
/// have the names that its `state_dict()` gives them; those in other objects
/// the names of attributes, keys and positions that lead to them.
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

  /// Hands over all that was listed, and why tensors are no weights.
  void give_to(Checkpoint& checkpoint);

 private:
  /// By which way a value was reached.
  enum class Way {
    Plain,  ///< By lists and dictionaries alone.
    Module, ///< As `state_dict()` goes.
    Object, ///< By what else an object holds. A tensor that has another name
            ///< is not listed again under one of these.
  };

  /// A value to be visited, and what holds of all below it.
  struct Visit {
    const PickleValue* value = nullptr;
    std::string name;
    std::string fixed; ///< Why tensors must stay as they are.
    std::string left;  ///< Why they are no weights.
    Way way = Way::Plain;
    const void* leaves = nullptr; ///< Ends the visit of that object instead.
  };

  struct Listed {
    StoredTensor tensor;
    std::string left;
    bool may_have_other_name = false;
  };

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
  std::vector<Visit> visits_;              ///< To come, the next one last.
  std::vector<Visit> children_;            ///< Of the value that is visited.
  std::unordered_set<const void*> seen_;   ///< What was found by objects.
  std::unordered_set<const void*> on_way_; ///< Objects around the visit.
  std::vector<Listed> tensors_;
  std::unordered_set<std::string> names_;
};

} // namespace coppice::io
