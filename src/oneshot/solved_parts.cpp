#include "oneshot/solved_parts.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <fstream>
#include <sstream>
#include <utility>

#include "io/output_file.h"
#include "io/scratch_folder.h"

namespace coppice::oneshot {
namespace {

using torch::Tensor;

constexpr const char* kRunFile = "coppice-run";
constexpr const char* kSolved = "coppice-solved-";

/// The facts as a file has them, one a line, and what each is of.
std::string text_of(const RunFacts& facts) {
  return fmt::format(
      "{}\n{}\n{}\n{}\n",
      facts.model,
      facts.samples,
      facts.options,
      facts.layers);
}

/// The first of the lines that differs.
const char* difference(const std::string& a, const std::string& b) {
  constexpr std::array<const char*, 4> kWhat{
      "of another model",
      "by other samples",
      "by other options, or another version of Coppice or LibTorch",
      "at other levels or by another method"};
  std::istringstream first(a);
  std::istringstream second(b);
  for (const char* const what : kWhat) {
    std::string x;
    std::string y;
    std::getline(first, x);
    std::getline(second, y);
    if (x != y) {
      return what;
    }
  }
  return kWhat.back();
}

std::string name_of(size_t part, const std::string& text) {
  const auto digest =
      crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size());
  return fmt::format("{}{}-{:08x}", kSolved, part, digest);
}

} // namespace

SolvedParts::SolvedParts(const std::string& output, const RunFacts& facts)
    : output_(output), facts_(text_of(facts)) {
  if (output_.empty()) {
    return;
  }
  const auto path = io::ScratchFolder::path_for(output_);
  if (!io::ScratchFolder::holds(path, kSolved)) {
    return; // Whatever else is there is worth nothing.
  }
  tensors_ = std::make_unique<ScratchTensors>(output_);
  std::ostringstream before;
  before << std::ifstream(path + "/" + kRunFile, std::ios::binary).rdbuf();
  if (before.str().empty()) { // Of a run that was ended as it removed all.
    clear();
    return;
  }
  TORCH_CHECK_VALUE(
      before.str() == facts_,
      path,
      " keeps what an earlier run solved ",
      difference(before.str(), facts_),
      ": give that command again to go on with it, or remove the folder to "
      "begin anew");
}

SolvedParts::~SolvedParts() {
  if (!io::ScratchFolder::holds(folder(), kSolved)) {
    clear();
  }
}

/// The facts come first: nothing is kept without them.
void SolvedParts::begin() {
  if (tensors_ == nullptr) {
    tensors_ = std::make_unique<ScratchTensors>(output_);
    if (!output_.empty()) {
      tensors_->clear();
      write_file(tensors_->path() + "/" + kRunFile, facts_);
    }
  }
}

std::optional<SolvedPart>
SolvedParts::find(size_t part, const std::string& text, const Tensor& like) {
  if (tensors_ == nullptr) {
    return std::nullopt;
  }
  auto found = tensors_->find(name_of(part, text), like, text);
  if (!found) {
    return std::nullopt;
  }
  auto& numbers = found->second.numbers;
  SolvedPart solved;
  solved.weight = std::move(found->first);
  solved.error = numbers["error"];
  solved.outputs = numbers["outputs"];
  solved.dampening = numbers["dampening"];
  solved.dead_inputs = static_cast<int64_t>(numbers["dead_inputs"]);
  return solved;
}

SolvedPart
SolvedParts::keep(size_t part, const std::string& text, SolvedPart solved) {
  begin();
  ScratchFacts facts;
  facts.text = text;
  facts.numbers = {
      {"error", solved.error},
      {"outputs", solved.outputs},
      {"dampening", solved.dampening},
      {"dead_inputs", static_cast<double>(solved.dead_inputs)}};
  solved.weight =
      tensors_->keep(name_of(part, text), solved.weight.tensor, facts);
  return solved;
}

FileTensor SolvedParts::hold(size_t target, const Tensor& tensor) {
  begin();
  return tensors_->keep(fmt::format("coppice-tensor-{}", target), tensor, {});
}

std::string SolvedParts::folder() const {
  return tensors_ == nullptr || output_.empty() ? "" : tensors_->path();
}

void SolvedParts::clear() {
  if (tensors_ != nullptr) {
    tensors_->clear();
    tensors_.reset();
  }
}

} // namespace coppice::oneshot
