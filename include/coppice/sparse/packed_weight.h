#pragma once

#include <torch/arg.h>
#include <torch/custom_class.h>
#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "coppice/export.h"
#include "coppice/sparse/packed_format.h"

namespace coppice {

namespace sparse {
class Product;
} // namespace sparse

/// How a weight is packed. Converts from a `PackedFormat`.
///
///     PackedWeightOptions(PackedFormat::BitmaskRows).dtype(torch::kBFloat16)
struct PackedWeightOptions {
  /* implicit */ PackedWeightOptions(PackedFormat format) : format_(format) {}

  TORCH_ARG(PackedFormat, format);

  /// The expected batch of products; the layout of `PatternPanels` and
  /// `SortedRows` depends on it.
  TORCH_ARG(int64_t, batch) = 32;

  /// The type of the stored weights: float32, or bfloat16, which halves the
  /// memory traffic and pays off with single inputs. Rounded to nearest, ties
  /// to even; the relative error is at most 2^-9. Products and sums are float32
  /// with both.
  TORCH_ARG(torch::ScalarType, dtype) = torch::kFloat;
};

/// A weight in the format of a sparse kernel, on the CPU. Immutable, so that
/// layers and threads can share it.
///
/// Denormals are stored, though products flush them to zero. NaN payloads are
/// preserved. -0 counts as zero: where a format does not store it, it becomes
/// 0.
///
/// In TorchScript and Python it is `torch.classes.coppice.PackedWeight`, saved
/// with the module that owns it. Saved are the nonzeros and a bitmask; loading
/// packs them again, so that files do not depend on the instruction set.
class COPPICE_API PackedWeight : public torch::CustomClassHolder {
 public:
  /// Packs `weight`, [out, ...]: the first dimension are the rows of the
  /// matrix, the others its columns. Uses all threads; the result does not
  /// depend on their number.
  ///
  /// Errors: c10::TypeError unless `weight` is float32 and the dtype float32 or
  ///   bfloat16; c10::ValueError unless `weight` is a dense tensor on the CPU
  ///   of two dimensions or more, if it has too many columns for the format, or
  ///   unless the batch is positive.
  static c10::intrusive_ptr<PackedWeight> pack(
      const torch::Tensor& weight,
      const PackedWeightOptions& options);

  ~PackedWeight() override;

  /// The weight as stored, bit for bit (except for -0): float32, `shape()`.
  torch::Tensor to_dense() const;

  PackedFormat format() const {
    return options_.format();
  }
  /// The type of the stored weights: torch::kFloat or torch::kBFloat16.
  torch::ScalarType dtype() const {
    return options_.dtype();
  }
  const std::vector<int64_t>& shape() const {
    return shape_;
  }
  /// The batch that the weight was packed for.
  int64_t batch() const {
    return options_.batch();
  }
  /// The size of the matrix: [rows, cols] is [out, all others].
  int64_t rows() const;
  int64_t cols() const;

  /// Bytes in memory.
  int64_t nbytes() const;
  /// Number of weights multiplied per input, including zeros in stored blocks.
  int64_t stored() const;

  /// A deep copy.
  c10::intrusive_ptr<PackedWeight> copy() const;

  /// The saved state: version, name of the format, `batch` and `shape`, bitmask
  /// and nonzeros, which have the dtype. The type is the same for every
  /// version, so that other versions can be recognized.
  using State = std::tuple<
      int64_t,
      std::string,
      std::vector<int64_t>,
      std::vector<torch::Tensor>>;

  State state() const;

  /// Restores a packed weight from an untrusted state.
  ///
  /// Errors: c10::ValueError if the version or the format is unknown, or a
  ///   tensor is invalid.
  static c10::intrusive_ptr<PackedWeight> from_state(const State& state);

  /// For the operators.
  const sparse::Product& product() const {
    return *product_;
  }

  /// For `pack`, `copy` and `from_state` only.
  PackedWeight(
      const PackedWeightOptions& options,
      std::vector<int64_t> shape,
      std::unique_ptr<sparse::Product> product);

 private:
  PackedWeightOptions options_;
  std::vector<int64_t> shape_;
  std::unique_ptr<sparse::Product> product_;
};

/// "PackedWeight(256 x 128, bitmask_rows, 80.0% zeros, 31.1 KiB)", where zeros
/// are those not stored. "bitmask_rows as bfloat16" for that dtype.
COPPICE_API std::ostream& operator<<(
    std::ostream& stream,
    const PackedWeight& weight);

} // namespace coppice
