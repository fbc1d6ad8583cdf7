// Any bytes as a torch.save or TorchScript archive.

#include "coppice/archive/file_error.h"
#include "io/formats.h"
#include "memory_file.h"
#include "touch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    coppice::fuzz::touch(
        coppice::io::read_zip_archive(coppice::fuzz::memory_file(data, size)));
  } catch (const coppice::FileError&) {
  }
  return 0;
}
