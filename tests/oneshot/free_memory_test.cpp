#include "oneshot/free_memory.h"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace coppice::free_memory_test {
namespace {

/// A system of a test's own.
class FreeMemory : public ::testing::Test {
 protected:
  FreeMemory() {
    write("/proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:  8000 kB\n");
  }

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(
        std::filesystem::path(root_.path() + path).parent_path());
    std::ofstream(root_.path() + path) << text;
  }

  uint64_t free() const {
    return oneshot::free_memory(root_.path());
  }

  TemporaryFolder root_;
};

constexpr uint64_t kMachine = uint64_t(8000) * 1024;

TEST_F(FreeMemory, IsTheMachinesWithoutALimit) {
  EXPECT_EQ(free(), kMachine);
  write("/proc/self/cgroup", "0::/\n");
  EXPECT_EQ(free(), kMachine);
}

TEST_F(FreeMemory, IsWhatAGroupOfVersion2Leaves) {
  write("/proc/self/cgroup", "0::/a/b\n");
  write("/sys/fs/cgroup/a/b/memory.max", "1000000\n");
  write("/sys/fs/cgroup/a/b/memory.current", "700000\n");
  write(
      "/sys/fs/cgroup/a/b/memory.stat",
      "anon 1\nactive_file 200000\ninactive_file 100000\n");
  EXPECT_EQ(free(), 600000);
  // Those that hold it limit it as well.
  write("/sys/fs/cgroup/a/memory.max", "500000\n");
  write("/sys/fs/cgroup/a/memory.current", "450000\n");
  EXPECT_EQ(free(), 50000);
  write("/sys/fs/cgroup/a/memory.current", "550000\n");
  EXPECT_EQ(free(), 0);
  write("/sys/fs/cgroup/a/memory.max", "max\n");
  write("/sys/fs/cgroup/a/b/memory.max", "max\n");
  EXPECT_EQ(free(), kMachine);
}

TEST_F(FreeMemory, IsWhatAGroupOfVersion1Leaves) {
  write("/proc/self/cgroup", "5:cpu:/x\n4:hugetlb,memory:/job\n0::/\n");
  write("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1000000\n");
  write("/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "800000\n");
  write(
      "/sys/fs/cgroup/memory/job/memory.stat",
      "inactive_file 7\ntotal_inactive_file 100000\ntotal_active_file 50000\n");
  EXPECT_EQ(free(), 350000);
}

TEST_F(FreeMemory, IsThatOfAContainerThatShowsItsGroupAsTheFirst) {
  write("/proc/self/cgroup", "4:memory:/docker/0123\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000\n");
  write("/sys/fs/cgroup/memory/memory.usage_in_bytes", "400000\n");
  EXPECT_EQ(free(), 600000);
}

TEST(FreeMemoryOfThisMachine, IsMoreThanNone) {
  EXPECT_GT(oneshot::free_memory(), 0);
}

} // namespace
} // namespace coppice::free_memory_test
