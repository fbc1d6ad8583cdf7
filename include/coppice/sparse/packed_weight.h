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

/// How a weight is packed. A `PackedFormat` alone will do.
///
///     PackedWeightOptions(PackedFormat::BitmaskRows).dtype(torch::kBFloat16)
struct PackedWeightOptions {
  /* implicit */ PackedWeightOptions(PackedFormat format) : format_(format) {}

  TORCH_ARG(PackedFormat, format);

  /// How many inputs products will mostly have: `PatternPanels` and
  /// `SortedRows` are laid out for it.
  TORCH_ARG(int64_t, batch) = 32;

  /// As what weights are stored: float32, or bfloat16, which takes half the
  /// bytes and pays where products wait for memory, with single inputs. It is
  /// the nearest bfloat16, ties to even, off by at most 2^-9 of the weight;
  /// products and sums are float32 with both.
  TORCH_ARG(torch::ScalarType, dtype) = torch::kFloat;
};

/// A weight in the format that a sparse kernel reads, on the CPU. It never
/// changes, so that layers and threads may share one.
///
/// Denormals are kept, though the products take them for zero. So are NaN with
/// their payloads. -0 is a zero: where a format does not store it, it comes
/// back as 0.
///
/// In TorchScript and Python it is `torch.classes.coppice.PackedWeight`, a
/// class that is saved with the module that has it. What is saved is the plain
/// weight as a bitmask and its non-zeros; it is packed when it is loaded, so
/// that a file moves between machines whatever their instruction sets.
class COPPICE_API PackedWeight : public torch::CustomClassHolder {
 public:
  /// Packs `weight`, [out, ...]: its first dimension are the rows of the
  /// matrix, all others flattened its columns. All threads take part; the
  /// result has the same bytes whatever their number.
  ///
  /// Errors: c10::TypeError unless `weight` is float32 and the dtype float32 or
  ///   bfloat16; c10::ValueError unless `weight` is a plain tensor on the CPU
  ///   of two dimensions or more, if it has more columns than the format can
  ///   count, or unless the batch is positive.
  static c10::intrusive_ptr<PackedWeight> pack(
      const torch::Tensor& weight,
      const PackedWeightOptions& options);

  ~PackedWeight() override;

  /// The weight as it is stored, bit for bit (but for -0): float32, `shape()`.
  torch::Tensor to_dense() const;

  PackedFormat format() const {
    return options_.format();
  }
  /// As what weights are stored: torch::kFloat or torch::kBFloat16.
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
  /// The matrix that products see: [rows, cols] is [out, all others].
  int64_t rows() const;
  int64_t cols() const;

  /// Bytes in memory.
  int64_t nbytes() const;
  /// Weights that a product multiplies with; in formats of blocks, zeros in
  /// stored blocks among them.
  int64_t stored() const;

  /// A copy with memory of its own.
  c10::intrusive_ptr<PackedWeight> copy() const;

  /// What is saved: version, name of the format, `batch` and `shape`, bitmask
  /// and non-zeros, which have the dtype. The type is that of every version, so
  /// that a file of another one can be told.
  using State = std::tuple<
      int64_t,
      std::string,
      std::vector<int64_t>,
      std::vector<torch::Tensor>>;

  State state() const;

  /// Trusts nothing.
  ///
  /// Errors: c10::ValueError if the state is of another version, names no
  ///   format, or its tensors are not what they should be.
  static c10::intrusive_ptr<PackedWeight> from_state(const State& state);

  /// For the operators.
  const sparse::Product& product() const {
    return *product_;
  }

  /// Only `pack`, `copy` and `from_state` make one.
  PackedWeight(
      const PackedWeightOptions& options,
      std::vector<int64_t> shape,
      std::unique_ptr<sparse::Product> product);

 private:
  PackedWeightOptions options_;
  std::vector<int64_t> shape_;
  std::unique_ptr<sparse::Product> product_;
};

/// "PackedWeight(256 x 128, bitmask_rows, 80.0% zeros, 31.1 KiB)"; for formats
/// of blocks the share that they leave out. "bitmask_rows as bfloat16" if that
/// is the dtype.
COPPICE_API std::ostream& operator<<(
    std::ostream& stream,
    const PackedWeight& weight);

} // namespace coppice
