#include "coppice/sparsify/sparsifier_options.h"

#include <torch/types.h>

#include "coppice/sparsify/calibrated_options.h"
#include "masks/criterion.h"
#include "sparsify/group_options.h"

namespace coppice {
namespace {

/// Python gives a pair as a tuple or a list.
BlockShape to_block_shape(const std::string& name, const c10::IValue& value) {
  std::vector<c10::IValue> pair;
  if (value.isTuple()) {
    pair = value.toTupleRef().elements().vec();
  } else if (value.isList()) {
    pair = value.toList().vec();
  }
  TORCH_CHECK_VALUE(
      pair.size() == 2 && pair[0].isInt() && pair[1].isInt(),
      "option `",
      name,
      "`: expected (rows, cols), got ",
      to_python_string(value));
  return {pair[0].toInt(), pair[1].toInt()};
}

} // namespace

SparsifierOptions& SparsifierOptions::set(
    const std::string& name,
    c10::IValue value) {
  values_[name] = std::move(value);
  return *this;
}

bool SparsifierOptions::has(const std::string& name) const {
  return values_.count(name) != 0;
}

const c10::IValue& SparsifierOptions::get(const std::string& name) const {
  const auto found = values_.find(name);
  TORCH_CHECK_VALUE(found != values_.end(), "no option `", name, "` is set");
  return found->second;
}

SparsifierOptions SparsifierOptions::merged_over(
    const SparsifierOptions& fallback) const {
  SparsifierOptions merged = *this;
  // insert() does not overwrite.
  merged.values_.insert(fallback.values_.begin(), fallback.values_.end());
  return merged;
}

void SparsifierOptions::erase(const std::string& name) {
  values_.erase(name);
}

template <typename Options>
Options& PatternOptions<Options>::sparsity_level(double level) {
  set("sparsity_level", level);
  return static_cast<Options&>(*this);
}

template <typename Options>
double PatternOptions<Options>::sparsity_level() const {
  constexpr const char* kName = "sparsity_level";
  return has(kName) ? sparsify::to_number(kName, get(kName)) : 0.5;
}

template <typename Options>
Options& PatternOptions<Options>::sparse_block_shape(BlockShape shape) {
  set("sparse_block_shape", c10::ivalue::Tuple::create(shape.rows, shape.cols));
  return static_cast<Options&>(*this);
}

template <typename Options>
BlockShape PatternOptions<Options>::sparse_block_shape() const {
  constexpr const char* kName = "sparse_block_shape";
  return has(kName) ? to_block_shape(kName, get(kName))
                    : Options::kDefaultBlock;
}

template <typename Options>
Options& PatternOptions<Options>::zeros_per_block(int64_t zeros) {
  set("zeros_per_block", zeros);
  return static_cast<Options&>(*this);
}

template <typename Options>
int64_t PatternOptions<Options>::zeros_per_block() const {
  constexpr const char* kName = "zeros_per_block";
  return has(kName) ? sparsify::to_integer(kName, get(kName))
                    : sparse_block_shape().size();
}

template <typename Options>
Values PatternOptions<Options>::with_defaults() const {
  return Options(*this)
      .sparsity_level(sparsity_level())
      .sparse_block_shape(sparse_block_shape())
      .zeros_per_block(zeros_per_block())
      .values();
}

template <typename Options>
void PatternOptions<Options>::check_ranges() const {
  const auto block = sparse_block_shape();
  TORCH_CHECK_VALUE(
      block.rows > 0 && block.cols > 0,
      "option `sparse_block_shape`: expected positive rows and columns, got ",
      block);
  const auto zeros = zeros_per_block();
  TORCH_CHECK_VALUE(
      zeros >= 0 && zeros <= block.size(),
      "option `zeros_per_block`: expected 0 to ",
      block.size(),
      ", the elements of a block of ",
      block,
      ", got ",
      zeros);
}

template <typename Options>
Options& BlockOptions<Options>::norm(Norm norm) {
  this->set("norm", masks::row_of(norm).number);
  return static_cast<Options&>(*this);
}

template <typename Options>
Norm BlockOptions<Options>::norm() const {
  constexpr const char* kName = "norm";
  if (!this->has(kName)) {
    return Options::kDefaultNorm;
  }
  const int64_t number = sparsify::to_integer(kName, this->get(kName));
  const auto norm = masks::norm_numbered(number);
  TORCH_CHECK_VALUE(norm, "option `norm`: expected 1 or 2, got ", number);
  return *norm;
}

template <typename Options>
void BlockOptions<Options>::check_ranges() const {
  PatternOptions<Options>::check_ranges();
  norm();
}

template class PatternOptions<WeightNormOptions>;
template class PatternOptions<DataNormOptions>;
template class PatternOptions<SparseGPTSparsifierOptions>;
template class PatternOptions<ALPSSparsifierOptions>;
template class BlockOptions<WeightNormOptions>;
template class BlockOptions<DataNormOptions>;

WeightNormOptions& WeightNormOptions::regrowth(bool enabled) {
  set("regrowth", enabled);
  return *this;
}

bool WeightNormOptions::regrowth() const {
  constexpr const char* kName = "regrowth";
  return has(kName) && sparsify::to_flag(kName, get(kName));
}

NearlyDiagonalOptions& NearlyDiagonalOptions::nearliness(int64_t nearliness) {
  set("nearliness", nearliness);
  return *this;
}

int64_t NearlyDiagonalOptions::nearliness() const {
  constexpr const char* kName = "nearliness";
  return has(kName) ? sparsify::to_integer(kName, get(kName)) : 1;
}

} // namespace coppice
