#include "io/exported_payload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <optional>

#include "archive/tensor_view.h"
#include "coppice/archive/file_error.h"
#include "io/json_events.h"
#include "io/plain_name.h"
#include "io/safetensors_header.h"

namespace coppice::io {
namespace {

constexpr int64_t kStrided = 7; ///< The layout number in the schema.

/// The dtypes of the schema, numbered from 1 and from 28 on.
constexpr std::array<std::optional<Dtype>, 13> kDtypes{
    Dtype::U8,
    Dtype::I8,
    Dtype::I16,
    Dtype::I32,
    Dtype::I64,
    Dtype::F16,
    Dtype::F32,
    Dtype::F64,
    std::nullopt, // Complex of two float16.
    Dtype::C64,
    Dtype::C128,
    Dtype::BOOL,
    Dtype::BF16};
constexpr int64_t kFirstLateDtype = 28;
constexpr std::array<Dtype, 5> kLateDtypes{
    Dtype::U16,
    Dtype::F8_E4M3,
    Dtype::F8_E5M2,
    Dtype::F8_E4M3FNUZ,
    Dtype::F8_E5M2FNUZ};

[[noreturn]] void fail_payload(
    const std::string& where,
    std::string_view name,
    const std::string& problem) {
  throw FileError(fmt::format(
      "{} gives tensor {} {}; save it again.",
      where,
      in_quotes(name),
      problem));
}

class PayloadReader {
 public:
  PayloadReader(
      JsonNode meta,
      const ExportedPayload& payload,
      std::string where)
      : meta_(meta), name_(payload.name), where_(std::move(where)) {}

  Dtype dtype() const {
    const auto number = meta_["dtype"].integer();
    const auto dtype = number ? exported_dtype(*number) : std::nullopt;
    if (!dtype) {
      fail(number ? fmt::format("the unknown dtype {}", *number) : "no dtype");
    }
    return *dtype;
  }

  /// A size, a stride or the offset: {"as_int": 3}.
  int64_t whole(JsonNode node, std::string_view what) const {
    const auto number = node["as_int"].integer();
    if (!number || *number < 0) {
      fail(fmt::format("{} that is not a nonnegative integer", what));
    }
    return *number;
  }

  std::vector<int64_t> wholes(std::string_view member, std::string_view what)
      const {
    const auto list = meta_[member];
    if (list.kind() != JsonKind::Array) {
      fail(fmt::format("no {}", member));
    }
    std::vector<int64_t> numbers;
    for (const auto& item : list.items()) {
      numbers.push_back(whole(item, what));
    }
    if (numbers.size() > kMaxDimensions) {
      fail(fmt::format("more than {} dimensions", kMaxDimensions));
    }
    return numbers;
  }

  void require_strided() const {
    if (meta_["layout"].integer() != kStrided) {
      fail("a layout that is not strided, which is not supported");
    }
  }

  [[noreturn]] void fail(const std::string& problem) const {
    fail_payload(where_, name_, problem);
  }

 private:
  JsonNode meta_;
  std::string_view name_;
  std::string where_;
};

} // namespace

std::optional<Dtype> exported_dtype(int64_t number) {
  if (number >= 1 && number <= static_cast<int64_t>(kDtypes.size())) {
    return kDtypes[static_cast<size_t>(number - 1)];
  }
  const int64_t late = number - kFirstLateDtype;
  if (late >= 0 && late < static_cast<int64_t>(kLateDtypes.size())) {
    return kLateDtypes[static_cast<size_t>(late)];
  }
  return std::nullopt;
}

ExportedPayload exported_payload(JsonNode node, const std::string& where) {
  ExportedPayload payload;
  payload.name = node.key();
  const auto path = node["path_name"].text();
  if (!path) {
    fail_payload(where, payload.name, "no file");
  }
  if (!is_plain_name(*path)) {
    fail_payload(
        where,
        payload.name,
        fmt::format(
            "the file {}, which is not a plain file name", in_quotes(*path)));
  }
  payload.path = *path;
  payload.is_pickled = node["use_pickle"].truth().value_or(false);
  const auto begins = [&path](std::string_view begin) {
    return path->substr(0, begin.size()) == begin;
  };
  const auto meta = node["tensor_meta"];
  payload.is_object = begins("custom_obj_") || begins("opaque_obj_") ||
      (payload.is_pickled && !meta);
  if (payload.is_pickled || payload.is_object) {
    return payload;
  }
  const PayloadReader reader(meta, payload, where);
  payload.dtype = reader.dtype();
  payload.shape = reader.wholes("sizes", "a size");
  payload.strides = reader.wholes("strides", "a stride");
  payload.offset = reader.whole(meta["storage_offset"], "an offset");
  reader.require_strided();
  if (payload.shape.size() != payload.strides.size()) {
    reader.fail("different numbers of sizes and strides");
  }
  return payload;
}

StoredTensor payload_tensor(
    const ExportedPayload& payload,
    std::string_view bytes,
    const std::string& where) {
  StoredTensor tensor;
  tensor.name = payload.name;
  tensor.dtype = payload.dtype;
  tensor.shape = payload.shape;
  tensor.strides = payload.strides;
  const auto extent = archive::view_extent(tensor.shape, tensor.strides);
  const auto width = static_cast<uint64_t>(dtype_bits(tensor.dtype)) / 8;
  const uint64_t room = bytes.size() / width;
  const auto offset = static_cast<uint64_t>(payload.offset);
  if (!extent || *extent > room || offset > room - *extent) {
    fail_payload(
        where,
        payload.name,
        fmt::format(
            "{}[{}] with strides [{}] from element {} on, but {} holds {} "
            "bytes",
            dtype_name(tensor.dtype),
            fmt::join(tensor.shape, ", "),
            fmt::join(tensor.strides, ", "),
            payload.offset,
            in_quotes(payload.path),
            bytes.size()));
  }
  // Bounds the time of loops over the elements.
  constexpr uint64_t kMaxRepeats = 1024;
  if (static_cast<uint64_t>(tensor.numel()) / kMaxRepeats > *extent) {
    fail_payload(
        where, payload.name, "elements that repeat more than 1024 times");
  }
  if (!archive::is_injective(tensor.shape, tensor.strides)) {
    tensor.fixed_because = "its elements share memory";
  }
  tensor.data =
      reinterpret_cast<const std::byte*>(bytes.data()) + offset * width;
  return tensor;
}

} // namespace coppice::io
