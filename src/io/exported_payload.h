#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coppice/archive/stored_tensor.h"
#include "io/json_document.h"

namespace coppice::io {

/// The entry of a tensor in a config of weights or constants.
struct ExportedPayload {
  std::string_view name; ///< FQN
  std::string_view path; ///< Of its bytes, relative to the config.
  bool is_pickled = false;
  bool is_object = false; ///< An object instead of a tensor.

  // For a tensor stored as raw bytes:
  Dtype dtype = Dtype::F32;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  int64_t offset = 0; ///< In elements.
};

/// The dtype for a number in the schema; nullopt if it is unknown.
std::optional<Dtype> exported_dtype(int64_t number);

/// Parses an entry of a config.
///
/// Errors: FileError, prefixed by `where`, if its form is invalid.
ExportedPayload exported_payload(JsonNode payload, const std::string& where);

/// The tensor that a payload describes in `bytes`.
///
/// Errors: FileError, prefixed by `where`, if it extends beyond them.
StoredTensor payload_tensor(
    const ExportedPayload& payload,
    std::string_view bytes,
    const std::string& where);

} // namespace coppice::io
