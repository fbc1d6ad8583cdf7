// The fuzzer's seeds and findings through the function it calls. script/fuzz
// searches for more.
#include "fuzz/safetensors_fuzz.cpp"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace coppice::safetensors_corpus_test {
namespace {

TEST(SafetensorsCorpus, IsReadOrRefused) {
  size_t files = 0;
  const std::string folder = COPPICE_TESTS "/fuzz/corpus/safetensors";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path());
    const auto bytes = read_file(entry.path().string());
    const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
    ASSERT_NO_THROW(LLVMFuzzerTestOneInput(data, bytes.size()));
    ++files;
  }
  EXPECT_GT(files, 0);
}

} // namespace
} // namespace coppice::safetensors_corpus_test
