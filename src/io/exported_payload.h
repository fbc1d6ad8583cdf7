#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "coppice/archive/stored_tensor.h"
#include "io/json_document.h"

namespace coppice::io {

/// What a config of weights or constants says of one of them.
struct ExportedPayload {
  std::string_view name; ///< FQN
  std::string_view path; ///< Of its bytes, within the config's folder.
  bool is_pickled = false;
  bool is_object = false; ///< No tensor, but an object of a class.

  // Of a tensor whose bytes are stored as they are:
  Dtype dtype = Dtype::F32;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  int64_t offset = 0; ///< In elements.
};

/// Errors: FileError, which begins with `where`, if it is not of the form that
///   it has in a config.
ExportedPayload exported_payload(JsonNode payload, const std::string& where);

/// `bytes` as the tensor that a payload describes.
///
/// Errors: FileError, which begins with `where`, if it reaches beyond them.
StoredTensor payload_tensor(
    const ExportedPayload& payload,
    std::string_view bytes,
    const std::string& where);

} // namespace coppice::io
