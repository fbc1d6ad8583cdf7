#include "io/input_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coppice/io/safetensors.h"
#include "io/torch_file.h"
#include "support/file_errors.h"
#include "support/temporary_folder.h"

namespace coppice::input_guard_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::sentence_of;

/// A model with `m/a` and `m/b`, and the same as in a download cache: links in
/// `cache/snapshot` to files in `cache/blobs`.
class InputGuard : public ::testing::Test {
 protected:
  InputGuard() {
    for (const std::string name :
         {"m", "m/sub", "cache", "cache/blobs", "cache/snapshot", "other"}) {
      fs::create_directory(folder_.file(name));
    }
    for (const std::string name : {"a", "b"}) {
      folder_.write("m/" + name, name);
      folder_.write("cache/blobs/" + name + name, name);
      fs::create_symlink(
          "../blobs/" + name + name, folder_.file("cache/snapshot/" + name));
    }
    folder_.write("other/a", "x");
  }

  std::vector<std::string> inputs(const std::string& folder) const {
    return {folder_.file(folder + "/a"), folder_.file(folder + "/b")};
  }

  void expect_refused(
      const std::string& output,
      const std::vector<std::string>& inputs,
      const std::string& part) const {
    EXPECT_THAT(
        sentence_of<OutputError>([&] { require_other_file(output, inputs); }),
        HasSubstr(part))
        << output;
  }

  TemporaryFolder folder_;
};

TEST_F(InputGuard, KnowsAnInputUnderEveryName) {
  fs::create_hard_link(folder_.file("m/a"), folder_.file("hard"));
  fs::create_symlink("m/b", folder_.file("soft"));
  fs::create_symlink("soft", folder_.file("softer"));
  fs::create_symlink("m", folder_.file("door"));
  for (const std::string output :
       {"m/a",
        "m/../m/b",
        "m/./a",
        "m//b",
        "other/../m/a",
        "hard",
        "soft",
        "softer",
        "door/a"}) {
    expect_refused(folder_.file(output), inputs("m"), "the input itself");
  }
  // The input is the link.
  expect_refused(
      folder_.file("m/b"), {folder_.file("softer")}, "the input itself");
  expect_refused(
      folder_.file("soft"), {folder_.file("softer")}, "the input itself");
  for (const std::string output : {"cache/blobs/aa", "cache/snapshot/b"}) {
    expect_refused(
        folder_.file(output), inputs("cache/snapshot"), "the input itself");
  }
}

TEST_F(InputGuard, KnowsAnInputByARelativePath) {
  const auto before = fs::current_path();
  fs::current_path(folder_.file("m"));
  expect_refused("./a", inputs("m"), "the input itself");
  expect_refused(folder_.file("m/a"), {"a"}, "the input itself");
  for (const std::string output : {".", "..", "./", "sub/..", "../m/"}) {
    expect_refused(output, {"a", "b"}, "contains the input");
  }
  require_other_file("sub", {"a", "b"});
  require_other_file("../other", {"a", "b"});
  fs::current_path(before);
}

TEST_F(InputGuard, KnowsAFolderThatHoldsAnInput) {
  fs::create_symlink("m", folder_.file("door"));
  for (const std::string output :
       {"m", "m/", "m/.", "m/../m", "m/sub/..", "door", "door/", ".", ""}) {
    expect_refused(folder_.file(output), inputs("m"), "contains the input");
    expect_refused(folder_.file(output), inputs("door"), "contains the input");
  }
  expect_refused("/", inputs("m"), "contains the input");
  for (const std::string output :
       {"cache", "cache/snapshot", "cache/blobs", ""}) {
    expect_refused(
        folder_.file(output), inputs("cache/snapshot"), "contains the input");
  }
}

TEST_F(InputGuard, KnowsAFolderThatHoldsAnInputUnderAnotherName) {
  fs::create_directory(folder_.file("hard"));
  fs::create_hard_link(folder_.file("m/b"), folder_.file("hard/x"));
  fs::create_directory(folder_.file("soft"));
  fs::create_symlink("../m/a", folder_.file("soft/y"));
  expect_refused(folder_.file("hard"), inputs("m"), "m/b");
  expect_refused(folder_.file("soft"), inputs("m"), "m/a");
}

TEST_F(InputGuard, LetsAllElsePass) {
  fs::create_symlink("other", folder_.file("door"));
  fs::create_symlink("nowhere", folder_.file("dead"));
  for (const std::string output :
       {"new",
        "new/a",
        "m/c",
        "m/sub",
        "m/sub/a",
        "other",
        "other/a",
        "door",
        "dead",
        "cache",
        "cache/blobs"}) {
    require_other_file(folder_.file(output), inputs("m"));
  }
  require_other_file(folder_.file("m"), inputs("cache/snapshot"));
  // A path through a folder is not in it.
  require_other_file(folder_.file("other"), {folder_.file("other/../m/a")});
  require_other_file(folder_.file("new"), inputs("missing"));
  require_other_file(folder_.file("m"), {""});
}

TEST_F(InputGuard, KnowsAllFilesOfACheckpoint) {
  Checkpoint checkpoint;
  for (const auto& path : inputs("m")) {
    checkpoint.files.push_back(MappedFile::open(path));
  }
  EXPECT_EQ(paths_of(checkpoint), inputs("m"));
  EXPECT_THROW(
      require_other_file(folder_.file("m/b"), checkpoint), OutputError);
  EXPECT_THROW(require_other_file(folder_.file("m"), checkpoint), OutputError);
  require_other_file(folder_.file("m/c"), checkpoint);
}

TEST_F(InputGuard, WatchesTheFilesWhoseTensorsAreSaved) {
  StateDict state;
  state.tensors.resize(1);
  state.tensors[0].name = "a";
  state.tensors[0].dtype = Dtype::U8;
  state.tensors[0].shape = {1};
  state.tensors[0].strides = {1};
  const auto owned = std::make_shared<std::byte>(std::byte(7));
  state.tensors[0].data = owned.get();
  state.tensors[0].owner = owned;
  const auto path = folder_.file("a.safetensors");
  save_safetensors(path, state);
  const auto bytes = read_file(path);
  {
    const auto open = open_checkpoint(path);
    EXPECT_THROW(save_safetensors(path, open.state), OutputError);
    PickleDict dict;
    PickleTensor tensor;
    tensor.tensor = open.state.tensors[0];
    dict.set("a", tensor);
    EXPECT_THROW(write_torch_file(path, dict), OutputError);
    save_safetensors(folder_.file("b.safetensors"), open.state);
    save_safetensors(path, state); // Its bytes are elsewhere.
  }
  EXPECT_EQ(read_file(path), bytes);
  EXPECT_EQ(read_file(folder_.file("b.safetensors")), bytes);
}

} // namespace
} // namespace coppice::input_guard_test
