#include "io/formats.h"

namespace coppice::io {
bool is_zip(const MappedFile&) {
  return false;
}
Checkpoint read_torch_archive(std::shared_ptr<const MappedFile>) {
  return {};
}
bool is_legacy_torch_save(const MappedFile&) {
  return false;
}
Checkpoint read_legacy_torch_save(std::shared_ptr<const MappedFile>) {
  return {};
}
} // namespace coppice::io
