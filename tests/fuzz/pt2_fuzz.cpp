// Any bytes as an archive of torch.export, and as the JSON of a program.

#include "coppice/archive/file_error.h"
#include "io/formats.h"
#include "memory_file.h"
#include "touch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    if (bytes.substr(0, 1) == "{") {
      coppice::fuzz::touch_program(bytes);
    } else {
      coppice::fuzz::touch(coppice::io::read_zip_archive(
          coppice::fuzz::memory_file(data, size)));
    }
  } catch (const coppice::FileError&) {
  }
  return 0;
}
