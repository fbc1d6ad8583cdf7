#include "coppice/sparsify/calibrated_options.h"

#include <torch/types.h>

#include "sparsify/group_options.h"

namespace coppice {
namespace {

constexpr const char* kLevel = "sparsity_level";
constexpr const char* kSemiStructured = "semi_structured_block_size";
constexpr const char* kAsPublished = "as_published";
constexpr const char* kDampening = "dampening";
constexpr const char* kPreserveZeros = "preserve_zeros";
constexpr const char* kBlockSize = "block_size";

} // namespace

WandaSparsifierOptions& WandaSparsifierOptions::sparsity_level(double level) {
  set(kLevel, level);
  return *this;
}

double WandaSparsifierOptions::sparsity_level() const {
  return has(kLevel) ? sparsify::to_number(kLevel, get(kLevel)) : 0.5;
}

WandaSparsifierOptions& WandaSparsifierOptions::semi_structured_block_size(
    int64_t m) {
  set(kSemiStructured, m);
  return *this;
}

std::optional<int64_t> WandaSparsifierOptions::semi_structured_block_size()
    const {
  if (!has(kSemiStructured) || get(kSemiStructured).isNone()) {
    return std::nullopt;
  }
  const auto m = sparsify::to_integer(kSemiStructured, get(kSemiStructured));
  TORCH_CHECK_VALUE(
      m >= 2, "option `", kSemiStructured, "`: expected 2 or more, got ", m);
  return m;
}

WandaSparsifierOptions& WandaSparsifierOptions::as_published(bool enabled) {
  set(kAsPublished, enabled);
  return *this;
}

bool WandaSparsifierOptions::as_published() const {
  return has(kAsPublished) &&
      sparsify::to_flag(kAsPublished, get(kAsPublished));
}

Values WandaSparsifierOptions::with_defaults() const {
  auto all = *this;
  all.sparsity_level(sparsity_level());
  if (!has(kSemiStructured)) {
    all.set(kSemiStructured, c10::IValue());
  }
  return all.values();
}

template <typename Options>
Options& SolverOptions<Options>::dampening(double share) {
  this->set(kDampening, share);
  return static_cast<Options&>(*this);
}

template <typename Options>
double SolverOptions<Options>::dampening() const {
  const auto share = this->has(kDampening)
      ? sparsify::to_number(kDampening, this->get(kDampening))
      : 0.01;
  TORCH_CHECK_VALUE(
      share >= 0, "option `", kDampening, "`: expected 0 or more, got ", share);
  return share;
}

template <typename Options>
Options& SolverOptions<Options>::preserve_zeros(bool enabled) {
  this->set(kPreserveZeros, enabled);
  return static_cast<Options&>(*this);
}

template <typename Options>
bool SolverOptions<Options>::preserve_zeros() const {
  return this->has(kPreserveZeros) &&
      sparsify::to_flag(kPreserveZeros, this->get(kPreserveZeros));
}

template <typename Options>
Values SolverOptions<Options>::with_defaults() const {
  return Options(SparsifierOptions(*this))
      .dampening(dampening())
      .preserve_zeros(preserve_zeros())
      .PatternOptions<Options>::with_defaults();
}

template class SolverOptions<SparseGPTSparsifierOptions>;
template class SolverOptions<ALPSSparsifierOptions>;

SparseGPTSparsifierOptions& SparseGPTSparsifierOptions::block_size(
    int64_t columns) {
  set(kBlockSize, columns);
  return *this;
}

int64_t SparseGPTSparsifierOptions::block_size() const {
  const auto columns =
      has(kBlockSize) ? sparsify::to_integer(kBlockSize, get(kBlockSize)) : 128;
  TORCH_CHECK_VALUE(
      columns > 0,
      "option `",
      kBlockSize,
      "`: expected a positive number of columns, got ",
      columns);
  return columns;
}

Values SparseGPTSparsifierOptions::with_defaults() const {
  auto all = *this;
  all.block_size(block_size());
  return all.SolverOptions::with_defaults();
}

} // namespace coppice
