// Models from Python through `coppice compile` and back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/child.h"
#include "support/reference_python.h"

namespace coppice::cli::compile_python_test {
namespace {

using ::testing::HasSubstr;

TEST(CompilePython, KeepsStateMethodsHooksAndExtraFiles) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  const TemporaryFolder folder;
  run_reference("cli/compile_python.py", "save " + folder.path());
  for (const char* name : {"policy", "classes", "hooked", "inner", "forked"}) {
    SCOPED_TRACE(name);
    const auto model = folder.file(name);
    const auto outcome = run_coppice(
        {"compile",
         model,
         "-o",
         model + ".out",
         "--input",
         "1x48",
         "--no-cache",
         "--seconds",
         "0.05",
         "--threads",
         "1"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    if (std::string(name) == "forked") {
      EXPECT_THAT(outcome.out, HasSubstr("runs in a fork"));
      EXPECT_THAT(outcome.out, HasSubstr("looks up rows"));
    }
    if (std::string(name) == "policy") {
      EXPECT_THAT(outcome.out, HasSubstr("libtorch (recurrent)"));
    }
  }
  const auto library = python_library();
  if (library.empty()) {
    GTEST_SKIP() << "Python cannot load the library that the program uses";
  }
  EXPECT_THAT(
      run_reference(
          "cli/compile_python.py",
          "compare " + folder.path() + " '" + library + "'"),
      HasSubstr("compared"));
}

} // namespace
} // namespace coppice::cli::compile_python_test
