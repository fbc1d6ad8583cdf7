// The fuzzers' seeds and findings through the same functions: each gives a
// checkpoint or a FileError, quickly.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "archive/pickle_reader.h"
#include "coppice/archive/file_error.h"
#include "fuzz/memory_file.h"
#include "fuzz/touch.h"
#include "io/formats.h"
#include "io/tensor_names.h"
#include "support/temporary_folder.h"

namespace coppice::pickle_corpus_test {
namespace {

namespace fs = std::filesystem;

/// Calls `read` with each file of a corpus; returns the number of accepted
/// files.
int replay(
    const std::string& corpus,
    const std::function<void(const std::string&)>& read) {
  int good = 0;
  const fs::path folder = fs::path(COPPICE_TESTS) / "fuzz/corpus" / corpus;
  for (const auto& entry : fs::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().string());
    try {
      read(read_file(entry.path()));
      ++good;
    } catch (const FileError&) {
    }
  }
  return good;
}

std::shared_ptr<const MappedFile> file_of(const std::string& bytes) {
  return fuzz::memory_file(
      reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

TEST(PickleCorpus, IsReadOrRefused) {
  for (const bool torch_script : {false, true}) {
    const int good = replay("pickle", [&](const std::string& bytes) {
      archive::PickleContext context;
      context.where = "input";
      context.torch_script = torch_script;
      context.load_storage = [](const archive::StorageId& id) {
        PickleStorage storage;
        storage.dtype = id.dtype;
        storage.size = id.size;
        return storage;
      };
      const auto pickle = archive::read_pickle(bytes, context);
      io::TensorNames names("input", bytes.size());
      names.add(pickle.value, "");
    });
    EXPECT_GT(good, 0);
  }
}

TEST(PickleCorpus, IsReadOrRefusedAsAFile) {
  EXPECT_GT(
      replay(
          "pickle",
          [](const std::string& bytes) {
            fuzz::touch(io::read_legacy_torch_save(file_of(bytes)));
          }),
      0);
}

TEST(ZipCorpus, IsReadOrRefused) {
  EXPECT_GT(
      replay(
          "zip",
          [](const std::string& bytes) {
            fuzz::touch(io::read_zip_archive(file_of(bytes)));
          }),
      0);
}

TEST(Pt2Corpus, IsReadOrRefused) {
  const int good = replay("pt2", [](const std::string& bytes) {
    if (bytes.substr(0, 1) == "{") {
      fuzz::touch_program(bytes);
    } else {
      fuzz::touch(io::read_zip_archive(file_of(bytes)));
    }
  });
  EXPECT_GT(good, 0);
}

} // namespace
} // namespace coppice::pickle_corpus_test
