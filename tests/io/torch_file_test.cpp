// Files of torch.save, alone and against the reference: tests that need
// python3-torch are skipped if it is missing.

#include "io/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coppice/io/checkpoint.h"
#include "io/output_file.h"
#include "support/reference_python.h"
#include "support/temporary_folder.h"

namespace coppice::torch_file_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A tensor that owns its numbers.
PickleTensor tensor_of(std::vector<float> numbers, std::vector<int64_t> shape) {
  const auto owner = std::make_shared<std::vector<float>>(std::move(numbers));
  PickleTensor tensor;
  tensor.tensor.shape = shape;
  tensor.tensor.strides = contiguous_strides(shape);
  tensor.tensor.data = reinterpret_cast<const std::byte*>(owner->data());
  tensor.tensor.owner = owner;
  return tensor;
}

template <class T>
T at(const PickleDict& dict, std::string_view key) {
  const auto* value = dict.find(key);
  const T* held = value ? value->get_if<T>() : nullptr;
  if (!held) {
    throw std::runtime_error("no " + std::string(key));
  }
  return *held;
}

TEST(TorchFile, ReadsWhatItWrote) {
  const TemporaryFolder folder;
  PickleDict dict;
  dict.set("weight", tensor_of({1, 2, 3, 4, 5, 6}, {2, 3}));
  dict.set("level", 0.5);
  dict.set("shape", PickleTuple{{1, 4}});
  write_torch_file(folder.file("a.pt"), dict);
  const auto read = read_torch_file(folder.file("a.pt"));
  const auto& found = *read.value.get_if<PickleDict>();
  EXPECT_EQ(at<double>(found, "level"), 0.5);
  EXPECT_EQ(at<PickleTuple>(found, "shape").items.size(), 2u);
  const auto tensor = at<PickleTensor>(found, "weight").tensor;
  EXPECT_THAT(tensor.shape, ElementsAre(2, 3));
  EXPECT_EQ(reinterpret_cast<const float*>(tensor.data)[5], 6);
  EXPECT_TRUE(read.file->holds(tensor.data));
  EXPECT_EQ((tensor.data - read.file->data()) % 64, 0);
}

TEST(TorchFile, OpensAsACheckpointToo) {
  const TemporaryFolder folder;
  PickleDict dict;
  dict.set("fc.weight", tensor_of({1, 2}, {2}));
  write_torch_file(folder.file("a.pt"), dict);
  const auto checkpoint = open_checkpoint(folder.file("a.pt"));
  EXPECT_EQ(checkpoint.format, CheckpointFormat::TorchSave);
  ASSERT_EQ(checkpoint.state.tensors.size(), 1u);
  EXPECT_EQ(checkpoint.state.tensors[0].name, "fc.weight");
  ASSERT_EQ(checkpoint.checksums.size(), 1u);
  EXPECT_EQ(checkpoint.checksums[0].places.size(), 2u);
}

TEST(TorchFile, KeepsTensorsOfOneStorageTogether) {
  const TemporaryFolder folder;
  auto whole = tensor_of({1, 2, 3, 4}, {4});
  whole.storage = {Dtype::F32, whole.tensor.data, 16, whole.tensor.owner, ""};
  auto half = whole;
  half.tensor.shape = {2};
  half.tensor.data += 8;
  write_torch_file(folder.file("a.pt"), PickleList{{whole, half}});
  const auto checkpoint = open_checkpoint(folder.file("a.pt"));
  ASSERT_EQ(checkpoint.state.tensors.size(), 2u);
  EXPECT_EQ(
      checkpoint.state.tensors[1].data - checkpoint.state.tensors[0].data, 8);
  EXPECT_EQ(checkpoint.checksums.size(), 1u);
}

std::string error_of_writing(const PickleValue& value) {
  const TemporaryFolder folder;
  try {
    write_torch_file(folder.file("a.pt"), value);
  } catch (const OutputError& error) {
    EXPECT_TRUE(folder.names().empty());
    return error.what();
  }
  return "nothing was thrown";
}

TEST(TorchFile, RefusesToWriteWhatHasNoForm) {
  PickleValue ring = PickleList();
  ring.edit_if<PickleList>()->items.push_back(ring);
  EXPECT_THAT(error_of_writing(ring), HasSubstr("holds itself"));
  ring.edit_if<PickleList>()->items.clear();

  auto beyond = tensor_of({1, 2}, {2});
  beyond.storage = {Dtype::F32, beyond.tensor.data, 4, beyond.tensor.owner, ""};
  EXPECT_THAT(error_of_writing(beyond), HasSubstr("beyond its storage"));
  EXPECT_THAT(
      error_of_writing(PickleClass{"os", "system"}), HasSubstr("os.system"));
  EXPECT_THAT(
      error_of_writing(PickleObject{{"__torch__", "M"}, nullptr}),
      HasSubstr("an object"));
}

TEST(TorchFile, ReadsAndWritesAllThatPythonDoes) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  const TemporaryFolder folder;
  for (const std::string option : {"", " --legacy"}) {
    const auto theirs = folder.file("theirs.pt");
    const auto ours = folder.file("ours.pt");
    ASSERT_NE(
        run_reference("io/torch_values.py", "write " + theirs + option), "");
    write_torch_file(ours, read_torch_file(theirs).value);
    EXPECT_NE(
        run_reference("io/torch_values.py", "same " + theirs + " " + ours), "");
  }
}

TEST(TorchFile, ReadsNumPysScalars) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  const TemporaryFolder folder;
  const auto path = folder.file("a.pt");
  ASSERT_NE(run_reference("io/torch_values.py", "scalars " + path), "");
  const auto read = read_torch_file(path);
  const auto& items = read.value.get_if<PickleList>()->items;
  ASSERT_EQ(items.size(), 5u);
  const auto scalar = [&items](size_t i) {
    return items[i].get_if<PickleNumpyScalar>()->value;
  };
  EXPECT_EQ(*scalar(0).get_if<double>(), 2.5);
  EXPECT_EQ(*scalar(1).get_if<double>(), 0.5);
  EXPECT_EQ(*scalar(2).get_if<int64_t>(), -4);
  EXPECT_EQ(*scalar(3).get_if<bool>(), true);
  EXPECT_EQ(*scalar(4).get_if<int64_t>(), 200);
}

} // namespace
} // namespace coppice::torch_file_test
