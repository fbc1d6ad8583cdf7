#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "coppice/io/checkpoint.h"
#include "coppice/io/safetensors.h"
#include "support/file_errors.h"
#include "support/random_states.h"
#include "support/safetensors_bytes.h"
#include "support/temporary_folder.h"

namespace coppice::safetensors_writer_test {
namespace {

using testing::bytes_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::random_state;
using testing::safetensors;
using testing::sentence_of;
using testing::tensor_of;

std::string saved(const StateDict& state) {
  const TemporaryFolder folder;
  save_safetensors(folder.file("a"), state);
  return read_file(folder.file("a"));
}

TEST(SaveSafetensors, WritesWhatTheFormatsOwnLibraryWrites) {
  StateDict state;
  state.metadata = {{"format", "pt"}};
  state.tensors = {
      tensor_of("b", Dtype::U8, {3}, bytes_of("bbb")),
      tensor_of("a", Dtype::U8, {}, bytes_of("a")),
      tensor_of("c", Dtype::F16, {1, 2}, bytes_of("cccc"))};
  EXPECT_EQ(
      saved(state),
      safetensors(
          R"({"__metadata__":{"format":"pt"},)"
          R"("c":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]},)"
          R"("a":{"dtype":"U8","shape":[],"data_offsets":[4,5]},)"
          R"("b":{"dtype":"U8","shape":[3],"data_offsets":[5,8]}}  )",
          "ccccabbb"));
  EXPECT_EQ(saved({}), safetensors("{}      "));
}

TEST(SaveSafetensors, MakesStridedTensorsRowMajor) {
  auto tensor = tensor_of("a", Dtype::U16, {3, 2}, bytes_of("112233445566"));
  tensor.strides = {1, 3};
  const auto bytes = saved({{tensor}, {}});
  EXPECT_EQ(bytes.substr(bytes.size() - 12), "114422553366");
  tensor.strides = {0, 1};
  const auto expanded = saved({{tensor}, {}});
  EXPECT_EQ(expanded.substr(expanded.size() - 12), "112211221122");
}

TEST(SaveSafetensors, RoundTripsAnyContent) {
  const TemporaryFolder folder;
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random(seed);
    auto state = random_state(random);
    save_safetensors(folder.file("a"), state);
    const auto back = open_checkpoint(folder.file("a")).state;
    ASSERT_EQ(back.metadata, state.metadata);
    ASSERT_EQ(back.tensors.size(), state.tensors.size());
    for (const auto& tensor : state.tensors) {
      const auto* other = back.find(tensor.name);
      ASSERT_NE(other, nullptr) << tensor.name;
      ASSERT_EQ(other->dtype, tensor.dtype);
      ASSERT_EQ(other->shape, tensor.shape);
      ASSERT_TRUE(
          tensor.nbytes() == 0 ||
          std::memcmp(other->data, tensor.data, tensor.nbytes()) == 0);
    }
    // Writing it again gives the same bytes.
    ASSERT_EQ(saved(back), read_file(folder.file("a")));
  }
}

std::string refusal(const StateDict& state) {
  const TemporaryFolder folder;
  const auto sentence = sentence_of<OutputError>(
      [&] { save_safetensors(folder.file("a"), state); });
  EXPECT_THAT(folder.names(), IsEmpty());
  return sentence;
}

TEST(SaveSafetensors, RefusesWhatTheFormatCannotHold) {
  const auto a = tensor_of("a", Dtype::U8, {1}, bytes_of("a"));
  const auto named = [](const std::string& name, Dtype dtype) {
    return StateDict{{tensor_of(name, dtype, {1}, bytes_of("12345678"))}, {}};
  };
  EXPECT_THAT(refusal({{a, a}, {}}), HasSubstr("`a`"));
  EXPECT_THAT(
      refusal(named("__metadata__", Dtype::U8)), HasSubstr("`__metadata__`"));
  EXPECT_THAT(refusal(named("w", Dtype::QINT8)), HasSubstr("no QINT8"));
  EXPECT_THAT(refusal(named("w", Dtype::F4)), HasSubstr("last byte"));
  EXPECT_THAT(refusal(named("\xff", Dtype::U8)), HasSubstr("UTF-8"));
  EXPECT_THAT(refusal({{a}, {{"key", "\xff"}}}), HasSubstr("UTF-8"));
  EXPECT_THAT(
      refusal({{a}, {{"key", std::string(100'000'000, 'x')}}}),
      HasSubstr("100000000"));
}

} // namespace
} // namespace coppice::safetensors_writer_test
