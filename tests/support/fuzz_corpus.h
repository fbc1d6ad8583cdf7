#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "support/temporary_folder.h"

/// The function that a file of tests/fuzz defines.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

/// Feeds every file of tests/fuzz/corpus/NAME to the fuzzed function, among
/// them those that once broke it. script/fuzz looks for more.
#define COPPICE_TEST_CORPUS(NAME)                                           \
  TEST(Corpus, NAME) {                                                      \
    size_t files = 0;                                                       \
    const std::string folder = COPPICE_TESTS "/fuzz/corpus/" #NAME;         \
    for (const auto& entry : std::filesystem::directory_iterator(folder)) { \
      SCOPED_TRACE(entry.path());                                           \
      const auto bytes = coppice::read_file(entry.path().string());         \
      const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());    \
      ASSERT_NO_THROW(LLVMFuzzerTestOneInput(data, bytes.size()));          \
      ++files;                                                              \
    }                                                                       \
    EXPECT_GT(files, 0);                                                    \
  }
