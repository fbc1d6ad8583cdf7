#include "io/formats.h"

namespace coppice::io {
bool is_safetensors(const MappedFile&) {
  return false;
}
Checkpoint read_safetensors(std::shared_ptr<const MappedFile>) {
  return {};
}
bool is_safetensors_index(const MappedFile&) {
  return false;
}
Checkpoint read_safetensors_index(std::shared_ptr<const MappedFile>) {
  return {};
}
} // namespace coppice::io
