#include "cli/blas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/child.h"

namespace coppice::cli::blas_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Blas, KnowsTheReferenceBlasByWhereItLies) {
  EXPECT_TRUE(
      is_reference_blas("/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0"));
  EXPECT_TRUE(
      is_reference_blas("/usr/lib/aarch64-linux-gnu/blas/libblas.so.3.12.1"));
  for (const char* folder : {"openblas-pthread", "blis-openmp", "atlas"}) {
    EXPECT_FALSE(is_reference_blas(
        std::string("/usr/lib/x86_64-linux-gnu/") + folder + "/libblas.so.3"));
  }
  EXPECT_FALSE(is_reference_blas("/opt/libtorch/lib/libtorch_cpu.so"));
  EXPECT_FALSE(is_reference_blas(""));
}

/// The folder of Debian's reference BLAS; empty if it is not installed.
std::string reference_folder() {
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib")) {
    const auto folder = entry.path() / "blas";
    std::error_code ignored;
    if (std::filesystem::exists(folder / "libblas.so.3", ignored)) {
      return folder.string();
    }
  }
  return "";
}

std::string warning_with(const std::string& library_path) {
  const TemporaryFolder empty;
  // Fails at once: there is no model.
  return Child({"env",
                "LD_LIBRARY_PATH=" + library_path,
                COPPICE_PROGRAM,
                "bench",
                empty.file("net.pt"),
                "--input",
                "1"})
      .wait()
      .err;
}

TEST(Blas, WarnsOnceOfTheReferenceBlas) {
  const auto reference = reference_folder();
  if (reference.empty() || blas_path().find("libtorch") != std::string::npos) {
    GTEST_SKIP() << "there is no reference BLAS that LibTorch could run on";
  }
  const auto warning = warning_with(reference);
  EXPECT_THAT(warning, HasSubstr("install libopenblas0-pthread"));
  EXPECT_EQ(warning.find("warning"), warning.rfind("warning"));
}

TEST(Blas, DoesNotWarnOfAnotherBlas) {
  if (is_reference_blas(blas_path())) {
    GTEST_SKIP() << "there is no other BLAS";
  }
  EXPECT_THAT(warning_with(""), Not(HasSubstr("warning")));
}

} // namespace
} // namespace coppice::cli::blas_test
