#include "archive/private_mapping.h"

#include <gtest/gtest.h>

#include <cstring>

#include "support/temporary_folder.h"

namespace coppice::private_mapping_test {
namespace {

TEST(PrivateMapping, HasTheBytesAndKeepsWhatIsWrittenToItself) {
  const TemporaryFolder folder;
  const auto path = folder.write("a", std::string(10000, 'x'));
  auto file = MappedFile::open(path);
  const auto first = archive::map_privately(file);
  const auto second = archive::map_privately(file);
  file.reset();
  ASSERT_NE(first, nullptr);
  std::memset(first.get(), 'y', 5000);
  EXPECT_EQ(static_cast<char>(first.get()[4999]), 'y');
  EXPECT_EQ(static_cast<char>(first.get()[5000]), 'x');
  EXPECT_EQ(static_cast<char>(second.get()[0]), 'x');
  EXPECT_EQ(read_file(path), std::string(10000, 'x'));
}

TEST(PrivateMapping, IsOfFilesWithBytesOnTheDisk) {
  const TemporaryFolder folder;
  const auto empty = MappedFile::open(folder.write("empty", ""));
  EXPECT_EQ(archive::map_privately(empty), nullptr);
  const auto in_memory = MappedFile::of_bytes("a", {std::byte{1}});
  EXPECT_EQ(archive::map_privately(in_memory), nullptr);
}

} // namespace
} // namespace coppice::private_mapping_test
