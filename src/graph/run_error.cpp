#include "graph/run_error.h"

#include <c10/util/Exception.h>
#include <torch/csrc/jit/runtime/jit_exception.h>

#include <algorithm>
#include <regex>
#include <vector>

#include "graph/value_text.h"

namespace coppice::graph {
namespace {

/// Longer messages are cut: std::regex recurses with the length of the text.
constexpr size_t kLongest = 2000;

std::string text_of(const std::exception& error) {
  const auto* const torch_error = dynamic_cast<const c10::Error*>(&error);
  return torch_error ? torch_error->what_without_backtrace() : error.what();
}

std::string trimmed(std::string text) {
  text.erase(0, text.find_first_not_of(" \n\t"));
  text.erase(text.find_last_not_of(" \n\t.") + 1);
  return text;
}

/// Whether a line starts the message: with the class of the error. The lines
/// before it quote source code and may be anything.
bool is_message(const std::string& line) {
  static const std::regex begin(
      R"re((RuntimeError|(\w+\.)+\w+|\w*(Error|Exception)):( .*)?)re");
  return std::regex_match(line.substr(0, kLongest), begin);
}

/// The text after TorchScript's traceback; empty if there is none.
std::string without_places(const std::string& text) {
  constexpr const char* traceback = "Traceback of TorchScript";
  size_t begin = std::string::npos;
  for (const char* place : {"<--- HERE", traceback}) {
    const auto at = text.rfind(place);
    begin =
        begin == std::string::npos || (at != std::string::npos && at > begin)
        ? at
        : begin;
  }
  if (begin == std::string::npos) {
    return text;
  }
  for (begin = text.find('\n', begin); begin != std::string::npos;) {
    const auto end = std::min(text.find('\n', ++begin), text.size());
    if (is_message(text.substr(begin, end - begin))) {
      return text.substr(begin);
    }
    begin = end < text.size() ? end : std::string::npos;
  }
  return "";
}

struct Rewrite {
  std::regex what;
  const char* by;
};

std::string rewritten(std::string text, const std::vector<Rewrite>& rewrites) {
  for (const auto& each : rewrites) {
    text = std::regex_replace(text, each.what, each.by);
  }
  return text;
}

/// The message in one line.
std::string message_in(std::string text, bool is_own) {
  static const std::vector<Rewrite> noise{
      {std::regex(R"re(^\s*((\w+\.)*\w*(Error|Exception):( |$))+)re"), ""},
      {std::regex(
           R"re(^.* INTERNAL ASSERT FAILED at [^,]*, please report [^.]*\. )re"),
       ""},
      {std::regex(R"re(^\[enforce fail at [^\]]*\] )re"), ""},
      {std::regex(R"re(\b(c10|at|std|torch|caffe2)::(\w+::)*)re"), ""},
      {std::regex(R"re( ?Declaration: .*)re"), ""}};
  text = without_places(text);
  text.erase(std::min(text.find("Exception raised from"), text.size()));
  text = trimmed(text).substr(0, kLongest);
  if (!is_own) {
    text.erase(std::min(text.find('\n'), text.size()));
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return trimmed(rewritten(without_mangled_names(text), noise));
}

/// Replaces LibTorch's various dtype names.
std::string with_dtypes(std::string text) {
  static const std::vector<Rewrite> names{
      {std::regex(R"re(\bCPU(\w+)Type\b)re"), "$1"},
      {std::regex(R"re(\btorch\.(?:\w+\.)?(\w+)Tensor\b)re"), "$1"},
      {std::regex(R"re(\blong( int)?\b)re"), "int64"},
      {std::regex(R"re(\bbyte\b)re"), "uint8"},
      {std::regex(R"re(\bsigned char\b)re"), "int8"},
      {std::regex(R"re(\bunsigned char\b)re"), "uint8"},
      {std::regex(R"re(\bshort( int)?\b)re"), "int16"},
      {std::regex(R"re(\bint\b)re"), "int32"},
      {std::regex(R"re(\bfloat\b)re"), "float32"},
      {std::regex(R"re(\bdouble\b)re"), "float64"},
      {std::regex(R"re(\bLong\b)re"), "int64"},
      {std::regex(R"re(\bInt\b)re"), "int32"},
      {std::regex(R"re(\bShort\b)re"), "int16"},
      {std::regex(R"re(\bChar\b)re"), "int8"},
      {std::regex(R"re(\bByte\b)re"), "uint8"},
      {std::regex(R"re(\bBool\b)re"), "bool"},
      {std::regex(R"re(\bHalf\b)re"), "float16"},
      {std::regex(R"re(\bBFloat16\b)re"), "bfloat16"},
      {std::regex(R"re(\bFloat\b)re"), "float32"},
      {std::regex(R"re(\bDouble\b)re"), "float64"},
      {std::regex(R"re(\bComplexFloat\b)re"), "complex64"},
      {std::regex(R"re(\bComplexDouble\b)re"), "complex128"}};
  return rewritten(std::move(text), names);
}

/// Messages of LibTorch, from 1.13 to 2.14, and their meanings. The first match
/// counts; `$&` is the message.
struct Meaning {
  std::regex message;
  const char* meaning;
};

const std::vector<Meaning>& meanings() {
  static const char* const no_gpu =
      "its code asks for a GPU, which this LibTorch does not have: script or "
      "trace the model on the CPU and save it again";
  static const std::vector<Meaning> all{
      {std::regex(R"re(.*"([^"]*)" not implemented for '(BFloat16|Half)'.*)re"),
       "LibTorch has no `$1` for $2 on the CPU: convert the model to float32 "
       "and save it again, and give it inputs of float32"},
      {std::regex(R"re(.*"([^"]*)" not implemented for '(\w+)'.*)re"),
       "LibTorch has no `$1` for $2 on the CPU: give inputs of another dtype"},
      {std::regex(R"re(.*not implemented for '?Half'?.*)re"),
       "LibTorch does not compute with Half there: convert the model to "
       "float32 and save it again, and give it inputs of float32"},
      {std::regex(
           R"re(.*(CUDA|\bcuda\b|cuda:|NVIDIA|\bHIP\b|from the '(MPS|XPU|XLA|HPU|Vulkan|Metal|PrivateUse\d?)').*)re"),
       no_gpu},
      {std::regex(R"re(.*tensors to be on the same device.*)re"), no_gpu},
      {std::regex(
           R"re(Could not run '([^']*)' with arguments from the 'Quantized\w*'.*)re"),
       "LibTorch has no `$1` for quantized tensors: compile the model that it "
       "was quantized from"},
      {std::regex(
           R"re(Could not run '([^']*)' with arguments from the '(\w*)'.*)re"),
       "LibTorch has no `$1` for tensors of the kind $2: give plain ones"},
      {std::regex(
           R"re(.*(can't allocate memory|not enough memory): you tried to allocate (\d+) bytes.*)re"),
       "there is not enough memory, of which it asked for $2 bytes at once: "
       "use a smaller batch"},
      {std::regex(R"re((std::)?bad_alloc)re"),
       "there is not enough memory: use a smaller batch"},
      {std::regex(R"re(.*does not require grad.*)re"),
       "it takes the gradient of a tensor without recorded gradients ($&)"},
      {std::regex(R"re(index out of range in self)re"),
       "an index is out of range of the table that it indexes"},
      {std::regex(
           R"re(.*Index \d+ is out of bounds: (-?\d+), range (\d+) to (\d+).*)re"),
       "index $1 is out of range of a table with size $3"},
      {std::regex(R"re(Class values must be .*)re"),
       "an index is out of range: $&"},
      {std::regex(R"re(list index out of range)re"),
       "a list is shorter than it expects"},
      {std::regex(R"re(Unwrapping null optional)re"),
       "an input that it needs was not given, or none"},
      {std::regex(
           R"re(.*(same dtype|same type|scalar type|dtype|used as indices must be|Input type \(|should be the same).*)re"),
       "the dtypes do not fit: $&"},
      {std::regex(
           R"re(.*(shape|Sizes of|[Ss]izes? (must|mismatch)|must match the|channels|Kernel size|should contain \d+ elements|input\.size\(|Dimension out of range|Expected .*\dD|expanded size|too small|[Pp]adding size|does not broadcast|to return at least).*)re"),
       "the shapes do not fit: $&"}};
  return all;
}

/// A message that the model raised.
std::string own_words(const std::string& message, bool is_assertion) {
  // Old files have this instead of every message.
  if (message.empty() || message == "Exception") {
    return is_assertion ? "an assertion of its code does not hold"
                        : "its code raises an error without a message; give it "
                          "inputs of the shapes that it takes";
  }
  return "it says `" + message + "`";
}

} // namespace

std::string run_error(const std::string& text, bool is_own) {
  const auto last = trimmed(without_places(text));
  const bool is_assertion = last.find("AssertionError") < 40;
  const auto message = message_in(text, is_own || is_assertion);
  if (is_own || is_assertion) {
    return own_words(message, is_assertion);
  }
  if (last.find("KeyError: ") < 40) {
    return "a dictionary has no entry `" + message + "`";
  }
  for (const auto& each : meanings()) {
    std::smatch found;
    if (std::regex_match(message, found, each.message)) {
      const auto meaning = found.format(each.meaning);
      const bool has_dtypes = meaning.find("dtype") != std::string::npos ||
          meaning.find("on the CPU:") != std::string::npos ||
          meaning.find("float32") != std::string::npos;
      return has_dtypes ? with_dtypes(meaning) : meaning;
    }
  }
  return message.empty() ? "it gives no reason" : message;
}

std::string run_error(const std::exception& error) {
  const bool is_own =
      dynamic_cast<const torch::jit::JITException*>(&error) != nullptr;
  return run_error(text_of(error), is_own);
}

std::string first_line(const std::exception& error) {
  return message_in(text_of(error), false);
}

} // namespace coppice::graph
