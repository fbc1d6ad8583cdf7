#include "cli/input_shapes.h"

#include <fmt/format.h>
#include <torch/torch.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "cli/errors.h"
#include "cli/literals.h"
#include "cli/schema_values.h"
#include "graph/model_inputs.h"
#include "graph/value_text.h"

namespace coppice::cli {
namespace {

const std::map<std::string, torch::ScalarType> kDtypes{
    {"float32", torch::kFloat},
    {"float64", torch::kDouble},
    {"float16", torch::kHalf},
    {"bfloat16", torch::kBFloat16},
    {"complex64", torch::kComplexFloat},
    {"complex128", torch::kComplexDouble},
    {"int64", torch::kLong},
    {"int32", torch::kInt},
    {"int16", torch::kShort},
    {"int8", torch::kChar},
    {"uint8", torch::kByte},
    {"bool", torch::kBool}};

/// A tensor described by `--input`.
struct Asked {
  std::vector<int64_t> shape;
  torch::ScalarType dtype = torch::kFloat;
  std::optional<std::pair<std::string, std::string>> range;
};

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw InputError(fmt::format(
      "--input {}: {}; expected a shape such as 1x3x32x32, 128:int64 or "
      "2x6:int64[0,5], or a value such as =16000.",
      text,
      why));
}

template <typename Number>
Number number_from(const std::string& part, const std::string& text) {
  Number number{};
  const auto end = part.data() + part.size();
  const auto [at, error] = std::from_chars(part.data(), end, number);
  if (error != std::errc() || at != end || part.empty()) {
    refuse(text, fmt::format("`{}` is not a number", part));
  }
  return number;
}

/// Made-up inputs are held more than once: above a quarter of the memory the
/// system might kill the program.
void check_size(
    const std::vector<int64_t>& shape,
    torch::ScalarType dtype,
    const std::string& text) {
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
      static_cast<double>(sysconf(_SC_PAGESIZE));
  auto bytes = static_cast<double>(c10::elementSize(dtype));
  for (const int64_t size : shape) {
    bytes *= static_cast<double>(size);
  }
  if (bytes > memory / 4) {
    refuse(text, "it is too large for the memory of this machine");
  }
}

std::vector<int64_t> shape_from(
    const std::string& part,
    const std::string& text) {
  std::vector<int64_t> shape;
  for (size_t begin = 0; begin <= part.size();) {
    const auto end = std::min(part.find('x', begin), part.size());
    shape.push_back(
        number_from<int64_t>(part.substr(begin, end - begin), text));
    if (shape.back() <= 0) {
      refuse(text, "no size may be below 1");
    }
    begin = end + 1;
  }
  return shape;
}

/// "0,5" of "[0,5]".
std::pair<std::string, std::string> range_from(
    const std::string& inside,
    const std::string& text) {
  const auto comma = inside.find(',');
  if (comma == std::string::npos) {
    refuse(text, "a range has two bounds, as [0,5]");
  }
  return {inside.substr(0, comma), inside.substr(comma + 1)};
}

Asked asked_by(const std::string& text) {
  Asked asked;
  auto spec = text;
  if (const auto bracket = text.find('['); bracket != std::string::npos) {
    if (text.back() != ']') {
      refuse(text, "a range ends with ]");
    }
    asked.range =
        range_from(text.substr(bracket + 1, text.size() - bracket - 2), text);
    spec = text.substr(0, bracket);
  }
  const auto colon = spec.find(':');
  const auto dtype =
      colon == std::string::npos ? "float32" : spec.substr(colon + 1);
  const auto type = kDtypes.find(dtype);
  if (type == kDtypes.end()) {
    refuse(text, fmt::format("there is no dtype `{}`", dtype));
  }
  asked.dtype = type->second;
  asked.shape = shape_from(spec.substr(0, colon), text);
  check_size(asked.shape, asked.dtype, text);
  return asked;
}

bool is_integral(torch::ScalarType dtype) {
  return c10::isIntegralType(dtype, /*includeBool=*/true);
}

/// The range of an integer dtype, less one at the top, so that one more does
/// not overflow.
std::pair<int64_t, int64_t> limits_of(torch::ScalarType dtype) {
  if (dtype == torch::kBool) {
    return {0, 1};
  }
  if (dtype == torch::kByte) {
    return {0, 255};
  }
  const int bits = static_cast<int>(8 * c10::elementSize(dtype));
  const int64_t most = bits == 64 ? std::numeric_limits<int64_t>::max() - 1
                                  : (int64_t(1) << (bits - 1)) - 1;
  return {-most - 1, most};
}

torch::Tensor integers(const Asked& asked, const std::string& text) {
  if (!asked.range) {
    return asked.dtype == torch::kBool
        ? torch::ones(asked.shape, torch::kBool)
        : torch::randint(kLargestIndex, asked.shape, asked.dtype);
  }
  const auto least = number_from<int64_t>(asked.range->first, text);
  const auto most = number_from<int64_t>(asked.range->second, text);
  const auto limits = limits_of(asked.dtype);
  if (least > most || least < limits.first || most > limits.second) {
    refuse(
        text,
        fmt::format(
            "a range is [low,high] with low <= high, both within "
            "{} to {}",
            limits.first,
            limits.second));
  }
  return torch::randint(least, most + 1, asked.shape, torch::kLong)
      .to(asked.dtype);
}

torch::Tensor floats(const Asked& asked, const std::string& text) {
  if (!asked.range) {
    return c10::isComplexType(asked.dtype)
        ? torch::randn(asked.shape, asked.dtype)
        : torch::randn(asked.shape).to(asked.dtype);
  }
  const auto least = number_from<double>(asked.range->first, text);
  const auto most = number_from<double>(asked.range->second, text);
  if (!(least <= most) || !std::isfinite(most - least) ||
      c10::isComplexType(asked.dtype)) {
    refuse(text, "a range is [low,high] with low <= high, both real numbers");
  }
  const bool is_double = asked.dtype == torch::kDouble;
  return torch::rand(asked.shape, is_double ? torch::kDouble : torch::kFloat)
      .mul_(most - least)
      .add_(least)
      .to(asked.dtype);
}

/// How to give an input that is not a tensor.
std::string way_to_give(const c10::Type& type) {
  const std::pair<c10::TypePtr, const char*> ways[] = {
      {c10::IntType::get(), "=3"},
      {c10::BoolType::get(), "=true"},
      {c10::NumberType::get(), "=0.5"},
      {c10::StringType::get(), "'=\"text\"'"}};
  for (const auto& [kind, way] : ways) {
    if (type.isSubtypeOf(*kind)) {
      return fmt::format("give it as --input {}", way);
    }
  }
  return "write an example of the inputs to a file with torch.save and give it "
         "by --inputs FILE";
}

c10::IValue input_from(const std::string& text, const c10::Argument& argument) {
  if (text.rfind('=', 0) == 0) {
    return value_of(
        literal_of(text.substr(1)),
        argument.type(),
        fmt::format("--input {}: input `{}`", text, argument.name()));
  }
  const auto asked = asked_by(text);
  const auto& type = *argument.type();
  if (!c10::TensorType::get()->isSubtypeOf(type)) {
    throw InputError(fmt::format(
        "--input {}: input `{}` of the model is {}, not a tensor; {}.",
        text,
        argument.name(),
        graph::type_text(type),
        way_to_give(type)));
  }
  return is_integral(asked.dtype) ? integers(asked, text) : floats(asked, text);
}

} // namespace

std::vector<c10::IValue> inputs_from(
    const std::vector<std::string>& texts,
    const torch::jit::Module& module) {
  for (const auto& text :
       texts) { // Errors that hold for every model come first.
    if (text.rfind('=', 0) != 0) {
      asked_by(text);
    }
  }
  try {
    graph::check_count(module, texts.size());
  } catch (const c10::ValueError& error) {
    throw InputError(fmt::format(
        "{}; give --input once for each, or all of them by --inputs FILE.",
        error.what_without_backtrace()));
  }
  const auto arguments = graph::arguments_of(module);
  torch::manual_seed(0);
  std::vector<c10::IValue> inputs;
  for (size_t i = 0; i < texts.size(); ++i) {
    inputs.push_back(input_from(texts[i], arguments[i]));
  }
  return inputs;
}

bool is_of_integers(const std::string& text) {
  return text.rfind('=', 0) != 0 && is_integral(asked_by(text).dtype);
}

} // namespace coppice::cli
