#include "io/torch_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/zip_writer.h"
#include "coppice/archive/file_error.h"
#include "io/formats.h"
#include "support/temporary_folder.h"

namespace coppice::io::torch_archive_test {
namespace {

using ::testing::HasSubstr;

/// An archive of entries given by name and bytes.
std::string archive_of(
    const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string bytes;
  archive::ZipWriter zip([&bytes](std::string_view piece) { bytes += piece; });
  for (const auto& [name, data] : entries) {
    zip.add(name, data);
  }
  zip.finish();
  return bytes;
}

/// The message for a file.
std::string error_of(const std::string& bytes) {
  const TemporaryFolder folder;
  try {
    read_zip_archive(MappedFile::open(folder.write("a.pt", bytes)));
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("a.pt"));
    return error.what();
  }
  return "nothing was thrown";
}

TEST(TorchArchive, NamesWhatIsMissing) {
  EXPECT_THAT(
      error_of(archive_of({{"a/model.json", "{}"}})),
      HasSubstr("before PyTorch"));
  EXPECT_THAT(
      error_of(archive_of({{"arr_0.npy", "{}"}})),
      HasSubstr("without data.pkl"));
}

TEST(TorchArchive, SurvivesEveryWrongByte) {
  const std::string bytes = archive_of(
      {{"a/data.pkl", "\x80\x02}."}, {"a/data/0", "0123456789abcdef"}});
  EXPECT_EQ(error_of(bytes), "nothing was thrown");
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const char wrong : {'\0', '\x01', '\x7f', '\xff'}) {
      std::string changed = bytes;
      changed[i] = wrong;
      error_of(changed);
    }
  }
}

} // namespace
} // namespace coppice::io::torch_archive_test
