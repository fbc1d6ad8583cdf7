#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/output_file.h"

namespace coppice::io {

/// A tensor to write. Its bytes are computed while they are written.
struct Section {
  std::string name;
  Dtype dtype = Dtype::U8;
  std::vector<int64_t> shape;
  uint64_t nbytes = 0;
  std::function<void(OutputFile&)> write; ///< Writes `nbytes` bytes.
};

/// A safetensors file ready to be written.
struct SafetensorsPlan {
  std::string header;            ///< With length prefix and padding.
  std::vector<Section> sections; ///< In file order.

  uint64_t size() const;
  void write(OutputFile& file) const;
};

/// Sorts `sections` and builds the header.
///
/// Errors: OutputError, with a message that names no file.
SafetensorsPlan plan_safetensors(
    std::vector<Section> sections,
    const std::map<std::string, std::string>& metadata);

/// A section with the bytes of `tensor`, which must outlive it.
Section section_of(const StoredTensor& tensor);

/// Buffers small writes to save system calls.
class BufferedOutput {
 public:
  explicit BufferedOutput(OutputFile& file) : file_(file) {
    buffer_.reserve(kSize);
  }
  void write(const void* data, size_t size) {
    if (buffer_.size() + size > kSize) {
      flush();
    }
    const auto* bytes = static_cast<const char*>(data);
    buffer_.insert(buffer_.end(), bytes, bytes + size);
  }
  void flush() {
    file_.write(buffer_.data(), buffer_.size());
    buffer_.clear();
  }

 private:
  static constexpr size_t kSize = size_t(1) << 20;
  OutputFile& file_;
  std::vector<char> buffer_;
};

} // namespace coppice::io
