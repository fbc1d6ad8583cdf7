#include "oneshot/run_facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <torch/version.h>
#include <zlib.h>

#include <algorithm>

#include "coppice/core/version.h"

namespace coppice::oneshot {
namespace {

constexpr uint64_t kPiece = uint64_t(1) << 20;

class Digest {
 public:
  void add(const void* data, uint64_t size) {
    crc_ = static_cast<uint32_t>(
        crc32_z(crc_, static_cast<const Bytef*>(data), size));
    adler_ = static_cast<uint32_t>(
        adler32_z(adler_, static_cast<const Bytef*>(data), size));
  }
  void add(const std::string& text) {
    add(text.data(), text.size());
  }
  std::string text() const {
    return fmt::format("{:08x}{:08x}", crc_, adler_);
  }

 private:
  uint32_t crc_ = 0;
  uint32_t adler_ = 1;
};

void add_tensor(Digest& digest, const torch::Tensor& tensor) {
  digest.add(fmt::format(
      "{} [{}];",
      static_cast<int>(tensor.scalar_type()),
      fmt::join(tensor.sizes(), ",")));
  if (tensor.layout() != torch::kStrided || tensor.numel() == 0) {
    return;
  }
  const auto rows = tensor.is_contiguous() ? tensor : tensor.contiguous();
  const auto* const bytes = static_cast<const char*>(rows.data_ptr());
  const auto size = static_cast<uint64_t>(rows.numel() * rows.element_size());
  constexpr uint64_t kMostPieces = 256;
  const auto pieces = (size + kPiece - 1) / kPiece;
  const auto step = std::max<uint64_t>(1, pieces / kMostPieces);
  for (uint64_t i = 0; i < pieces; i += step) {
    digest.add(bytes + i * kPiece, std::min(kPiece, size - i * kPiece));
  }
}

} // namespace

std::string model_fact(const MappedFile& file) {
  struct stat status {};
  fstat(file.descriptor(), &status);
  const auto size = file.size();
  const auto few = std::min(kPiece, size);
  Digest digest;
  digest.add(file.data(), few);
  digest.add(file.data() + (size - few), few);
  return fmt::format(
      "{} {}.{:09d} {}",
      size,
      status.st_mtim.tv_sec,
      status.st_mtim.tv_nsec,
      digest.text());
}

std::string digest_of(const std::vector<c10::IValue>& inputs) {
  Digest digest;
  for (const auto& input : inputs) {
    input.visit([&](const c10::IValue& each) {
      if (!each.isTensor()) {
        digest.add(each.tagKind() + ";");
      } else if (each.toTensor().defined()) {
        add_tensor(digest, each.toTensor());
      }
      if (each.isInt() || each.isDouble() || each.isBool() || each.isString()) {
        digest.add(c10::str(each) + ";");
      }
      return false;
    });
  }
  return digest.text();
}

std::string digest_of(const std::string& text) {
  Digest digest;
  digest.add(text);
  return digest.text();
}

std::string options_fact(const SampledOptions& options) {
  return fmt::format(
      "coppice {} LibTorch {} batch {} single {} samples {} seed {} sequential "
      "{}",
      version(),
      TORCH_VERSION,
      options.batch,
      options.are_single,
      options.samples.value_or(-1),
      options.seed,
      options.sequential);
}

std::string part_fact(
    const std::string& name,
    const calibration::LayerPart& part,
    const calibration::InputSource& source,
    const PruneModifier& modifier) {
  const auto& pattern = modifier.pattern;
  return fmt::format(
      "{} [{}] [{}] {} by {} {} {}x{} {} {} {} {} {} from {}x{}x{}x{};",
      name,
      fmt::join(part.sizes, ","),
      fmt::join(part.strides, ","),
      part.offset,
      static_cast<int>(modifier.method),
      pattern.sparsity_level,
      pattern.sparse_block_shape.rows,
      pattern.sparse_block_shape.cols,
      pattern.zeros_per_block,
      modifier.block_size,
      modifier.dampening,
      modifier.preserve_zeros,
      static_cast<int>(modifier.norm),
      source.groups,
      source.channels,
      source.kernel[0],
      source.kernel[1]);
}

std::string readers_fact(const calibration::InputSource& source) {
  return fmt::format(
      " {} with {}",
      source.kind == SecondMoments::Kind::Full ? "whole" : "diagonal",
      fmt::join(source.parts, ","));
}

} // namespace coppice::oneshot
