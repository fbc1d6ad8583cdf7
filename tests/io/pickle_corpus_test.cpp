// The fuzzers' seeds and findings through the same functions: each gives a
// checkpoint or a FileError, quickly.

#include <gtest/gtest.h>

#include <algorithm>
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

fs::path folder_of(const std::string& corpus) {
  return fs::path(COPPICE_TESTS) / "fuzz/corpus" / corpus;
}

archive::PickleContext a_context() {
  archive::PickleContext context;
  context.where = "input";
  context.load_storage = [](const archive::StorageId& id) {
    PickleStorage storage;
    storage.dtype = id.dtype;
    storage.size = id.size;
    return storage;
  };
  return context;
}

void list_tensors(
    const std::string& bytes,
    const archive::PickleContext& context) {
  const auto pickle = archive::read_pickle(bytes, context);
  io::TensorNames names("input", bytes.size());
  names.add(pickle.value, "");
  Checkpoint checkpoint;
  names.give_to(checkpoint);
}

/// Calls `read` with each file of a corpus; returns the number of accepted
/// files.
int replay(
    const std::string& corpus,
    const std::function<void(const std::string&)>& read) {
  int good = 0;
  for (const auto& entry : fs::directory_iterator(folder_of(corpus))) {
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
      auto context = a_context();
      context.torch_script = torch_script;
      list_tensors(bytes, context);
    });
    EXPECT_GT(good, 0);
  }
}

TEST(PickleCorpus, IsReadAsInertOrRefused) {
  const int good = replay("pickle", [&](const std::string& bytes) {
    auto context = a_context();
    context.foreign = archive::ForeignNames::Inert;
    list_tensors(bytes, context);
  });
  EXPECT_GT(good, 30);
}

/// What make_hostile.py wrote to run something when Python loads it.
TEST(PickleCorpus, HoldsNoDangerThatIsNotSeen) {
  int dangers = 0;
  for (const auto& entry : fs::directory_iterator(folder_of("pickle"))) {
    const std::string name = entry.path().filename();
    bool runs_something = false;
    for (const auto* begin :
         {"system", "getattr", "eval", "setstate", "partial"}) {
      runs_something |= name.rfind(std::string("hostile_") + begin, 0) == 0;
    }
    if (!runs_something) {
      continue;
    }
    SCOPED_TRACE(name);
    auto context = a_context();
    const auto bytes = read_file(entry.path());
    EXPECT_THROW(archive::read_pickle(bytes, context), FileError);
    context.foreign = archive::ForeignNames::Inert;
    const auto pickle = archive::read_pickle(bytes, context);
    EXPECT_TRUE(std::any_of(
        pickle.code.begin(), pickle.code.end(), [](const auto& code) {
          return !code.danger.empty();
        }));
    ++dangers;
  }
  EXPECT_EQ(dangers, 14);
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
