#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "coppice/io/sparse_checkpoint.h"
#include "support/file_errors.h"
#include "support/safetensors_bytes.h"
#include "support/sparse_states.h"

namespace coppice::sparse_unpack_test {
namespace {

using ::testing::AllOf;
using testing::bytes_of;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::saved_checkpoint;
using testing::sentence_of;
using testing::sparse_state;
using ::testing::StartsWith;
using testing::tensor_of;

/// A packed file to corrupt: `w` is F32 [4, 1001].
class Unpack : public ::testing::Test {
 protected:
  Unpack() {
    pack_checkpoint(
        saved_checkpoint(folder_, "a", sparse_state(Dtype::F32, {4, 1001}, 90)),
        folder_.file("packed"));
  }

  /// The state of the packed file, each tensor with bytes of its own.
  StateDict state() const {
    auto state = open_checkpoint(folder_.file("packed")).state;
    for (auto& tensor : state.tensors) {
      tensor = tensor_of(
          tensor.name,
          tensor.dtype,
          tensor.shape,
          {tensor.data, tensor.data + tensor.nbytes()});
    }
    return state;
  }

  /// The message of unpacking `state`. Nothing may be left behind.
  std::string refusal(const StateDict& state) {
    const TemporaryFolder output;
    const auto packed = saved_checkpoint(folder_, "broken", state);
    const auto sentence = sentence_of<FileError>(
        [&] { unpack_checkpoint(packed, output.file("out")); });
    EXPECT_THAT(output.names(), IsEmpty());
    EXPECT_THAT(
        sentence,
        AllOf(
            StartsWith(folder_.file("broken: ")),
            EndsWith("."),
            Not(HasSubstr("\n"))));
    return sentence;
  }

  static StoredTensor& find(StateDict& state, const std::string& name) {
    return const_cast<StoredTensor&>(*state.find(name));
  }

  /// The message with another tensor of this name.
  std::string with(
      const std::string& name,
      Dtype dtype,
      const std::vector<int64_t>& shape,
      std::vector<std::byte> bytes) {
    auto changed = state();
    find(changed, name) = tensor_of(name, dtype, shape, std::move(bytes));
    return refusal(changed);
  }

  /// The message after `change` to the bytes of a tensor.
  std::string with_bytes(
      const std::string& name,
      const std::function<void(std::vector<std::byte>&)>& change) {
    auto changed = state();
    auto& tensor = find(changed, name);
    std::vector<std::byte> bytes(tensor.data, tensor.data + tensor.nbytes());
    change(bytes);
    tensor = tensor_of(name, tensor.dtype, tensor.shape, std::move(bytes));
    return refusal(changed);
  }

  std::string with_shape(std::vector<int64_t> shape) {
    std::vector<std::byte> bytes(shape.size() * sizeof(int64_t));
    std::memcpy(bytes.data(), shape.data(), bytes.size());
    const auto dimensions = static_cast<int64_t>(shape.size());
    return with("w.shape", Dtype::I64, {dimensions}, std::move(bytes));
  }

  std::string with_layout(const std::string& text) {
    const auto size = static_cast<int64_t>(text.size());
    return with("coppice.layout", Dtype::U8, {size}, bytes_of(text));
  }

  TemporaryFolder folder_;
};

TEST_F(Unpack, WantsAllPartsOfATensor) {
  for (const auto* name :
       {"w.shape",
        "w.compressed",
        "w.bitmask",
        "w.row_offsets",
        "coppice.rest",
        "coppice.layout"}) {
    auto changed = state();
    find(changed, name).name = "x";
    EXPECT_THAT(refusal(changed), HasSubstr(std::string(name).substr(2, 4)));
  }
  auto changed = state();
  find(changed, "bias").name = "x";
  EXPECT_THAT(refusal(changed), HasSubstr("`bias`"));
}

TEST_F(Unpack, ChecksShapes) {
  constexpr int64_t kHuge = int64_t(1) << 62;
  EXPECT_THAT(with_shape({4, 1002}), HasSubstr("its parts have"));
  EXPECT_THAT(with_shape({3, 1001}), HasSubstr("3003 elements"));
  EXPECT_THAT(with_shape({-4, -1001}), HasSubstr("invalid `shape`"));
  EXPECT_THAT(with_shape({0}), HasSubstr("invalid `shape`"));
  EXPECT_THAT(with_shape({kHuge, kHuge, 4}), HasSubstr("invalid `shape`"));
  EXPECT_THAT(with_shape({kHuge}), HasSubstr("invalid `shape`"));
  EXPECT_THAT(
      with_shape(std::vector<int64_t>(1000, 1)), HasSubstr("invalid `shape`"));
  EXPECT_THAT(with_shape({4 * (int64_t(1) << 40)}), HasSubstr("bytes a row"));
}

TEST_F(Unpack, ChecksDtypesAndSizes) {
  const auto zeros = [](size_t size) { return std::vector<std::byte>(size); };
  EXPECT_THAT(
      with("w.shape", Dtype::I32, {2}, zeros(8)), HasSubstr("no `shape`"));
  EXPECT_THAT(
      with("w.shape", Dtype::I64, {}, zeros(8)), HasSubstr("no `shape`"));
  EXPECT_THAT(
      with("w.compressed", Dtype::I32, {8}, zeros(32)),
      HasSubstr("no `compressed`"));
  EXPECT_THAT(
      with("w.compressed", Dtype::F32, {0}, {}), HasSubstr("0 `compressed`"));
  EXPECT_THAT(
      with("w.bitmask", Dtype::U8, {504}, zeros(504)),
      HasSubstr("no `bitmask`"));
  EXPECT_THAT(with("w.bitmask", Dtype::U8, {0, 126}, {}), HasSubstr("0 rows"));
  EXPECT_THAT(
      with("w.bitmask", Dtype::U8, {4, 125}, zeros(500)),
      HasSubstr("125 bytes a row"));
  EXPECT_THAT(
      with("w.row_offsets", Dtype::I64, {3}, zeros(24)),
      HasSubstr("3 `row_offsets`"));
}

TEST_F(Unpack, ChecksBits) {
  const auto flip = [](size_t i, int mask) {
    return [=](std::vector<std::byte>& bytes) { bytes[i] ^= std::byte(mask); };
  };
  EXPECT_THAT(with_bytes("w.bitmask", flip(3, 1)), HasSubstr("row 1"));
  EXPECT_THAT(with_bytes("w.bitmask", flip(503 - 2, 1)), HasSubstr("elements"));
  EXPECT_THAT(with_bytes("w.bitmask", flip(125, 2)), HasSubstr("last column"));
  EXPECT_THAT(with_bytes("w.row_offsets", flip(0, 1)), HasSubstr("row 0"));
  EXPECT_THAT(with_bytes("w.row_offsets", flip(31, 128)), HasSubstr("row 3"));
}

TEST_F(Unpack, ComparesTheSumOfTheFile) {
  const auto change = [](std::vector<std::byte>& bytes) {
    bytes[1] ^= std::byte(1);
  };
  for (const auto* name : {"w.compressed", "bias", "coppice.rest"}) {
    EXPECT_THAT(with_bytes(name, change), HasSubstr("CRC-32"));
  }
}

TEST_F(Unpack, ChecksTheLayout) {
  const auto file = [](const std::string& name,
                       const std::string& size,
                       const std::string& parts) {
    return R"({"files":[{"name":")" + name + R"(","size":)" + size +
        R"(,"crc32":1,"parts":[)" + parts + "]}]}";
  };
  EXPECT_THAT(with_layout(""), HasSubstr("JSON"));
  EXPECT_THAT(with_layout("{}"), HasSubstr("names no file"));
  EXPECT_THAT(with_layout(R"({"files":[]})"), HasSubstr("names no file"));
  EXPECT_THAT(with_layout(R"({"files":[{}]})"), HasSubstr("lacks"));
  EXPECT_THAT(with_layout(R"({"files":[[]]})"), HasSubstr("array"));
  EXPECT_THAT(with_layout(file("../a", "0", "")), HasSubstr("`../a`"));
  EXPECT_THAT(with_layout(file("a", "-1", "")), HasSubstr("-1"));
  EXPECT_THAT(with_layout(file("a", "1", "")), HasSubstr("1 bytes"));
  EXPECT_THAT(with_layout(file("a", "0", "0")), HasSubstr("empty"));
  EXPECT_THAT(with_layout(file("a", "2", "1,1")), HasSubstr("two pieces"));
  EXPECT_THAT(
      with_layout(file("a", "1", "18446744073709551615")),
      HasSubstr("18446744073709551615 are needed"));
  EXPECT_THAT(with_layout(file("a", "0", R"("no")")), HasSubstr("`no`"));
  EXPECT_THAT(
      with_layout(file("a", "40", R"("bias","bias")")), HasSubstr("`bias`"));
  std::string many = R"("bias")";
  for (int i = 0; i < 100; ++i) {
    many += R"(,"bias")";
  }
  EXPECT_THAT(with_layout(file("a", "1", many)), HasSubstr("more tensors"));
}

TEST_F(Unpack, KnowsItsVersion) {
  auto changed = state();
  changed.metadata["coppice.version"] = "2";
  EXPECT_THAT(refusal(changed), HasSubstr("version `2`"));
  changed.metadata.erase("coppice.version");
  EXPECT_THAT(refusal(changed), HasSubstr("version none"));
}

TEST_F(Unpack, RefusesEveryFileCutShort) {
  const auto bytes = read_file(folder_.file("packed"));
  for (size_t size = 0; size < bytes.size(); size += 97) {
    const auto path = folder_.write("cut", bytes.substr(0, size));
    EXPECT_THROW(open_checkpoint(path), FileError);
  }
}

} // namespace
} // namespace coppice::sparse_unpack_test
