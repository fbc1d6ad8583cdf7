#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "archive/pickle_value.h"

/// A reader of Python pickles, protocols 0 to 5, that makes data and nothing
/// else: what it cannot make, it refuses by name.
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

struct PickleContext {
  /// Begins every message: "model.pt: data.pkl".
  std::string where;
  /// Whether it may hold objects of TorchScript's own classes.
  bool torch_script = false;
  /// Finds a storage. One with neither data nor owner is taken to come later.
  ///
  /// Errors: FileError.
  std::function<PickleStorage(const StorageId&)> load_storage;
};

struct Pickle {
  PickleValue value;
  uint64_t size = 0; ///< In bytes; more may follow.
};

/// Errors: FileError.
Pickle read_pickle(std::string_view bytes, const PickleContext& context);

} // namespace coppice::archive
