#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct gzFile_s;

namespace coppice::cli {

/// Reads a file front to back, plain or gzip, told apart by content.
class GzipReader {
 public:
  /// Errors: InputError if `path` is no file that can be read.
  explicit GzipReader(std::string path);

  /// The next `count` bytes, or fewer at the end of the file. Memory grows with
  /// what is really there, so `count` may come from a header that lies.
  ///
  /// Errors: InputError if the gzip stream is damaged or cut short.
  std::vector<uint8_t> read(size_t count);

  const std::string& path() const {
    return path_;
  }

 private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };

  void check_stream(bool at_end) const;

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

/// The size of `bytes` as a gzip file, at zlib's usual level.
size_t gzip_size(std::string_view bytes);

} // namespace coppice::cli
