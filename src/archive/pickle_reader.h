#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/pickle_value.h"
#include "coppice/archive/pickled_code.h"

/// A reader of Python pickles, protocols 0 to 5, that makes data and nothing
/// else. A class or a function that makes no plain data is never called: the
/// reading ends there with its name, or an inert object takes its place.
///
/// It takes time and memory in proportion to the pickle, whatever that says.
namespace coppice::archive {

/// A part of a storage that counts as one itself (before 0.4).
struct StorageView {
  uint64_t offset = 0; ///< In bytes.
  uint64_t size = 0;   ///< In bytes.
};

/// A pickle's reference to a storage outside of it.
struct StorageId {
  std::string key;
  Dtype dtype = Dtype::U8;
  uint64_t size = 0; ///< In bytes.

  std::optional<StorageView> view;
};

/// What becomes of names that are not on the list of what makes plain data.
enum class ForeignNames { Refused, Inert };

struct PickleContext {
  /// Begins every message: "model.pt: data.pkl".
  std::string where;
  /// Whether it may hold objects of TorchScript's own classes.
  bool torch_script = false;
  ForeignNames foreign = ForeignNames::Refused;
  /// Finds a storage. One with neither data nor owner is taken to come later.
  ///
  /// Errors: FileError.
  std::function<PickleStorage(const StorageId&)> load_storage;
};

struct Pickle {
  PickleValue value;
  uint64_t size = 0;             ///< In bytes; more may follow.
  std::vector<PickledCode> code; ///< All that was not refused.
  /// Lets go of what is inert, which can hold itself: `value` must not be read
  /// any more when this has ended. Null if nothing can be inert.
  std::shared_ptr<const void> keeper;
};

/// Errors: FileError.
Pickle read_pickle(std::string_view bytes, const PickleContext& context);

} // namespace coppice::archive
