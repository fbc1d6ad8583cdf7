#pragma once

#include <string>
#include <vector>

#include "coppice/io/output_file.h"

namespace coppice::io {

/// Writes a zip archive of stored entries, whose data begin at multiples of 64
/// as those of PyTorch do, so that they can be mapped.
class ZipWriter {
 public:
  explicit ZipWriter(OutputFile& file) : file_(file) {}

  /// Errors: OutputError.
  void add(const std::string& name, std::string_view data);
  /// The directory: the last thing to write.
  void finish();

 private:
  struct Written {
    std::string name;
    uint64_t size;
    uint64_t header;
    uint32_t crc;
  };

  void write_end(uint64_t directory);

  OutputFile& file_;
  std::vector<Written> entries_;
};

} // namespace coppice::io
