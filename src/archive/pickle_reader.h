#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/pickle_value.h"
#include "coppice/archive/pickled_code.h"

/// A reader of Python pickles, protocols 0 to 5, that makes plain data only.
/// Other classes and functions are never called: they are an error, or become
/// inert objects.
///
/// Time and memory are linear in the size of the pickle, whatever its content.
namespace coppice::archive {

/// A storage that is a part of another one (before PyTorch 0.4).
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

/// How to handle names that are not on the allowlist.
enum class ForeignNames { Refused, Inert };

struct PickleContext {
  /// Prefix of messages: "model.pt: data.pkl".
  std::string where;
  /// Whether objects of TorchScript classes are allowed.
  bool torch_script = false;
  ForeignNames foreign = ForeignNames::Refused;
  /// Returns a storage. One with neither data nor owner will be filled in
  /// later.
  ///
  /// Errors: FileError.
  std::function<PickleStorage(const StorageId&)> load_storage;
};

struct Pickle {
  PickleValue value;
  uint64_t size = 0;             ///< In bytes; the input may be longer.
  std::vector<PickledCode> code; ///< Foreign names found.
  /// Owns the inert objects, which can contain themselves. `value` is only
  /// valid as long as this; null if nothing is inert.
  std::shared_ptr<const void> keeper;
};

/// Errors: FileError.
Pickle read_pickle(std::string_view bytes, const PickleContext& context);

} // namespace coppice::archive
