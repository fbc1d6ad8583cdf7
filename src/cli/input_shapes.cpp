#include "cli/input_shapes.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <charconv>
#include <map>

#include "cli/errors.h"

namespace coppice::cli {
namespace {

const std::map<std::string, torch::ScalarType> kDtypes{
    {"float32", torch::kFloat},
    {"float64", torch::kDouble},
    {"float16", torch::kHalf},
    {"bfloat16", torch::kBFloat16},
    {"int64", torch::kLong},
    {"int32", torch::kInt},
    {"bool", torch::kBool}};

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw InputError(fmt::format(
      "--input {}: {}; expected a shape such as 1x3x32x32 or 128:int64, or a "
      "number such as =16000.",
      text,
      why));
}

template <typename Number>
Number number_from(const std::string& part, const std::string& text) {
  Number number{};
  const auto end = part.data() + part.size();
  const auto [at, error] = std::from_chars(part.data(), end, number);
  if (error != std::errc() || at != end) {
    refuse(text, fmt::format("`{}` is no number", part));
  }
  return number;
}

std::vector<int64_t> shape_from(
    const std::string& part,
    const std::string& text) {
  std::vector<int64_t> shape;
  int64_t elements = 1;
  for (size_t begin = 0; begin <= part.size();) {
    const auto end = std::min(part.find('x', begin), part.size());
    shape.push_back(
        number_from<int64_t>(part.substr(begin, end - begin), text));
    if (shape.back() <= 0 || shape.back() > (int64_t(1) << 32) / elements) {
      refuse(text, "no size may be below 1, and not all of them too large");
    }
    elements *= shape.back();
    begin = end + 1;
  }
  return shape;
}

c10::IValue input_from(const std::string& text) {
  if (text.rfind('=', 0) == 0) {
    const auto number = text.substr(1);
    return number.find_first_of(".e") == std::string::npos
        ? c10::IValue(number_from<int64_t>(number, text))
        : c10::IValue(number_from<double>(number, text));
  }
  const auto colon = text.find(':');
  const auto dtype =
      colon == std::string::npos ? "float32" : text.substr(colon + 1);
  const auto type = kDtypes.find(dtype);
  if (type == kDtypes.end()) {
    refuse(text, fmt::format("there is no dtype `{}`", dtype));
  }
  const auto shape = shape_from(text.substr(0, colon), text);
  if (type->second == torch::kBool) {
    return torch::ones(shape, torch::kBool);
  }
  return c10::isIntegralType(type->second, false)
      ? torch::randint(kLargestIndex, shape, type->second)
      : torch::randn(shape).to(type->second);
}

} // namespace

const char* const kInputHelp =
    "An input of the model: SHAPE[:DTYPE], as 1x3x32x32 or 128:int64, or =N "
    "for a number; one for each input, in their order";

std::vector<c10::IValue> inputs_from(const std::vector<std::string>& texts) {
  torch::manual_seed(0);
  std::vector<c10::IValue> inputs;
  for (const auto& text : texts) {
    inputs.push_back(input_from(text));
  }
  return inputs;
}

} // namespace coppice::cli
