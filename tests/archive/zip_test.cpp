#include "archive/zip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>

#include "archive/zip_writer.h"
#include "coppice/archive/file_error.h"
#include "support/temporary_folder.h"

namespace coppice::archive::zip_test {
namespace {

using ::testing::HasSubstr;

template <class T>
void put(std::string& bytes, size_t at, T number) {
  ASSERT_LE(at + sizeof(T), bytes.size());
  std::memcpy(bytes.data() + at, &number, sizeof(T));
}

/// An archive of entries given by name and bytes.
std::string archive_of(
    const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string bytes;
  ZipWriter zip([&bytes](std::string_view piece) { bytes += piece; });
  for (const auto& [name, data] : entries) {
    zip.add(name, data);
  }
  zip.finish();
  return bytes;
}

/// An archive of one pickle and one storage.
std::string good_archive() {
  return archive_of(
      {{"a/data.pkl", "\x80\x02}."}, {"a/data/0", "0123456789abcdef"}});
}

/// The offset of record `number` (from 0) with this signature.
size_t record(const std::string& bytes, const char* signature, int number = 0) {
  size_t at = bytes.find(signature);
  while (number-- > 0) {
    at = bytes.find(signature, at + 1);
  }
  return at;
}

constexpr const char* kLocal = "PK\x03\x04";
constexpr const char* kCentral = "PK\x01\x02";
constexpr const char* kEnd = "PK\x05\x06";

/// The message for an archive when all entries are read.
std::string error_of(const std::string& bytes) {
  const TemporaryFolder folder;
  std::string message = "nothing was thrown";
  try {
    ZipArchive zip(MappedFile::open(folder.write("a.pt", bytes)));
    for (const auto& entry : zip.entries()) {
      zip.read(entry);
    }
  } catch (const FileError& error) {
    message = error.what();
    EXPECT_THAT(message, HasSubstr("a.pt"));
  }
  return message;
}

TEST(Zip, ReadsWhatItsWriterWrote) {
  const TemporaryFolder folder;
  ZipArchive zip(MappedFile::open(folder.write("a", good_archive())));
  ASSERT_EQ(zip.entries().size(), 2u);
  const auto* entry = zip.find("a/data/0");
  ASSERT_TRUE(entry);
  EXPECT_EQ(zip.read(*entry).view(), "0123456789abcdef");
  EXPECT_EQ(entry->data.begin % 64, 0u);
  EXPECT_EQ(zip.find("a/data/1"), nullptr);
  EXPECT_EQ(error_of(good_archive()), "nothing was thrown");
}

TEST(Zip, IsDistinguishedFromSafetensors) {
  const TemporaryFolder folder;
  const auto tell = [&folder](const std::string& bytes) {
    return is_zip(*MappedFile::open(folder.write("a", bytes)));
  };
  EXPECT_TRUE(tell(good_archive()));
  EXPECT_FALSE(tell(std::string("PK\x03\x04\0\0\0\0{", 9)));
  EXPECT_FALSE(tell("PK"));
}

TEST(Zip, RefusesEveryCut) {
  const std::string bytes = good_archive();
  for (size_t size = 4; size < bytes.size(); ++size) {
    EXPECT_NE(error_of(bytes.substr(0, size)), "nothing was thrown") << size;
  }
}

TEST(Zip, SurvivesEveryWrongByte) {
  const std::string bytes = good_archive();
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const char wrong : {'\0', '\x01', '\x7f', '\xff'}) {
      std::string changed = bytes;
      changed[i] = wrong;
      error_of(changed);
    }
  }
}

TEST(Zip, RefusesSizesThatLie) {
  std::string bytes = good_archive();
  const size_t central = record(bytes, kCentral, 1);
  put(bytes, central + 20, uint32_t(15));
  EXPECT_THAT(error_of(bytes), HasSubstr("stored in two sizes"));
  put(bytes, central + 24, uint32_t(15));
  EXPECT_THAT(error_of(bytes), HasSubstr("headers"));
  put(bytes, central + 20, uint32_t(0x1000));
  put(bytes, central + 24, uint32_t(0x1000));
  EXPECT_THAT(error_of(bytes), HasSubstr("beyond its limit"));
}

TEST(Zip, RefusesImpossibleCounts) {
  std::string bytes = good_archive();
  const size_t end = record(bytes, kEnd);
  put(bytes, end + 8, uint16_t(0xfffe));
  put(bytes, end + 10, uint16_t(0xfffe));
  EXPECT_THAT(error_of(bytes), HasSubstr("more than fit"));

  // The same in zip64: 2^32 entries.
  std::string large = good_archive();
  const size_t old_end = record(large, kEnd);
  const auto directory = static_cast<uint64_t>(record(large, kCentral));
  std::string record64(56, '\0');
  put(record64, 0, uint32_t(0x06064b50));
  put(record64, 24, uint64_t(1) << 32);
  put(record64, 32, uint64_t(1) << 32);
  put(record64, 40, old_end - directory);
  put(record64, 48, directory);
  std::string locator(20, '\0');
  put(locator, 0, uint32_t(0x07064b50));
  put(locator, 8, uint64_t(old_end));
  large.insert(old_end, record64 + locator);
  const size_t new_end = record(large, kEnd);
  put(large, new_end + 8, uint16_t(0xffff));
  put(large, new_end + 10, uint16_t(0xffff));
  EXPECT_THAT(error_of(large), HasSubstr("4294967296 entries"));
  // With the correct number it can be read.
  put(large, old_end + 24, uint64_t(2));
  put(large, old_end + 32, uint64_t(2));
  EXPECT_EQ(error_of(large), "nothing was thrown");
}

TEST(Zip, RefusesEntriesThatOverlap) {
  std::string bytes = good_archive();
  // The second record refers to the first header.
  const size_t central = record(bytes, kCentral, 1);
  put(bytes, central + 42, uint32_t(0));
  EXPECT_THAT(error_of(bytes), HasSubstr("headers"));

  std::string twice = good_archive();
  const size_t first = record(twice, kCentral, 0);
  const size_t second = record(twice, kCentral, 1);
  const size_t end = record(twice, kEnd);
  const std::string copy = twice.substr(first, second - first);
  twice.replace(second, end - second, copy);
  const size_t new_end = twice.rfind(kEnd);
  put(twice, new_end + 12, static_cast<uint32_t>(new_end - first));
  EXPECT_THAT(error_of(twice), HasSubstr("overlap"));
}

TEST(Zip, RefusesWhatItCannotRead) {
  std::string encrypted = good_archive();
  put(encrypted, record(encrypted, kCentral) + 8, uint16_t(0x801));
  EXPECT_THAT(error_of(encrypted), HasSubstr("encrypted"));

  std::string packed = good_archive();
  put(packed, record(packed, kCentral) + 10, uint16_t(14));
  put(packed, record(packed, kLocal) + 8, uint16_t(14));
  EXPECT_THAT(error_of(packed), HasSubstr("method 14"));

  std::string parts = good_archive();
  put(parts, record(parts, kEnd) + 4, uint16_t(1));
  EXPECT_THAT(error_of(parts), HasSubstr("several files"));
}

TEST(Zip, ChecksTheSumOfWhatItParses) {
  std::string bytes = good_archive();
  bytes[bytes.find("\x80\x02}.") + 2] = ']';
  EXPECT_THAT(error_of(bytes), HasSubstr("checksum"));
}

/// `text` deflated, without zlib's header.
std::string deflated(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
  std::string packed(text.size() + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// An archive with a deflated data.pkl that claims `size` bytes.
std::string deflated_archive(const std::string& pickle, uint32_t size) {
  std::string bytes = archive_of({{"a/data.pkl", deflated(pickle)}});
  const auto crc = static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(pickle.data()), pickle.size()));
  const size_t local = record(bytes, kLocal);
  const size_t central = record(bytes, kCentral);
  put(bytes, local + 8, uint16_t(8));
  put(bytes, central + 10, uint16_t(8));
  put(bytes, local + 14, crc);
  put(bytes, central + 16, crc);
  put(bytes, local + 22, size);
  put(bytes, central + 24, size);
  return bytes;
}

TEST(Zip, InflatesNoMoreThanItsSize) {
  const std::string pickle = "\x80\x02}.";
  EXPECT_EQ(error_of(deflated_archive(pickle, 4)), "nothing was thrown");
  EXPECT_THAT(
      error_of(deflated_archive(pickle, 3)), HasSubstr("does not inflate"));
  EXPECT_THAT(
      error_of(deflated_archive(pickle, 5)), HasSubstr("does not inflate"));
  EXPECT_THAT(
      error_of(deflated_archive(pickle, 0xfffffffe)), HasSubstr("inflate to"));
  const std::string bomb(100 << 20, 'N');
  EXPECT_THAT(
      error_of(deflated_archive(bomb, bomb.size())), HasSubstr("inflate to"));
}

} // namespace
} // namespace coppice::archive::zip_test
