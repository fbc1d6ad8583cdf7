#pragma once

#include <torch/script.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "coppice/core/pattern.h"
#include "coppice/export.h"
#include "coppice/report/table.h"

namespace coppice {

/// Options of `compile`. Example:
///
///     CompileOptions().batches({1, 32})
class COPPICE_API CompileOptions {
 public:
  /// The batch sizes to measure: dimension 0 of the inputs; the example is
  /// truncated or repeated. A layer is replaced only if none of them gets
  /// slower. Default: that of the example.
  CompileOptions& batches(std::vector<int64_t> sizes);
  const std::vector<int64_t>& batches() const {
    return batches_;
  }

  /// The time limit for measuring a layer, seconds per batch. Default: 1
  CompileOptions& seconds_per_layer(double seconds);
  double seconds_per_layer() const {
    return seconds_per_layer_;
  }

  /// Whether weights may be stored as bfloat16, which halves the memory traffic
  /// and makes single inputs faster. Changes each weight, and the outputs about
  /// as much, by up to 2^-9; `CompiledModel::difference` is the measured
  /// change. Products and sums stay float32. Default: false
  CompileOptions& bfloat16(bool allowed);
  bool bfloat16() const {
    return bfloat16_;
  }

  /// The folder of cached timings, by processor, threads and layer; empty
  /// disables the cache. Default: `timing_cache_folder()`
  CompileOptions& cache(std::string folder);
  const std::string& cache() const {
    return cache_;
  }

  /// Called after each measured layer.
  CompileOptions& progress(std::function<void(int64_t done, int64_t total)> f);
  const std::function<void(int64_t, int64_t)>& progress() const {
    return progress_;
  }

  CompileOptions();

 private:
  std::vector<int64_t> batches_;
  double seconds_per_layer_ = 1;
  bool bfloat16_ = false;
  std::string cache_;
  std::function<void(int64_t, int64_t)> progress_;
};

/// $XDG_CACHE_HOME/coppice, or ~/.cache/coppice; empty if neither is set.
COPPICE_API std::string timing_cache_folder();

/// The times of a layer for one batch.
struct LayerTiming {
  int64_t batch = 0;          ///< Dimension 0 of the model's inputs.
  int64_t rows = 0;           ///< Inputs of the layer per call.
  double dense = 0;           ///< Microseconds of LibTorch's product.
  double chosen = 0;          ///< Microseconds of the installed product.
  std::string fastest_format; ///< At this batch alone; may be "libtorch".
};

/// The decision of `compile` for a layer.
struct COPPICE_API CompiledLayer {
  std::string layer; ///< FQN.
  /// "linear" or "conv2d"; for layers that are never replaced also "lstm",
  /// "conv_transpose2d", "embedding" and others, or the name of an op.
  std::string kind;
  /// The shape of its weight, of the largest if there are several; empty if an
  /// object holds it.
  std::vector<int64_t> shape;
  int64_t call = 1; ///< 2 for the second call of the layer in the model.
  /// Whether an earlier layer has the same weight; its bytes count there.
  bool is_repeated = false;
  /// The original weight, for drawing its zeros; reset it to free memory.
  torch::Tensor weight;
  double sparsity = 0;
  std::string pattern; ///< As `to_string(Pattern)`; empty without zeros.
  /// The name of a `PackedFormat`, followed by " bfloat16" if weights are
  /// stored as that, or "libtorch" if not replaced.
  std::string format;
  /// Why it could not be replaced; empty if it was measured.
  std::string why_left;
  std::vector<LayerTiming> timings; ///< One per batch.
  int64_t bytes_before = 0;         ///< 0 if it is repeated.
  int64_t bytes_after = 0;          ///< 0 if an earlier layer shares it.
  /// Bytes of other memory read before each timed run, like the model's other
  /// weights; 0 if its own stayed in the caches.
  int64_t passing_bytes = 0;

  /// "fc1", or "fc1, call 2" for a later call.
  std::string name() const;
};

/// The times of the whole model for one batch, microseconds per call.
struct ModelTiming {
  int64_t batch = 0;
  double before = 0; ///< The original model.
  double after = 0;
  /// The largest difference of outputs, relative to the largest output of the
  /// original model; infinite if they differ in structure or shape.
  double difference = 0;
};

/// A model with the fastest measured product in each layer.
struct COPPICE_API CompiledModel {
  /// The compiled model. It has not run, so its state is the original. Has all
  /// methods, hooks and attributes of the model except for weights that only
  /// `forward` used and methods of submodules that only `forward` called.
  torch::jit::Module module;
  /// A row for everything that has a weight, in model order.
  std::vector<CompiledLayer> layers;
  std::vector<ModelTiming> timings; ///< One per batch.
  std::string processor; ///< Where it was measured; may be "unknown".
  /// The largest difference to the outputs of the original model, relative to
  /// its largest output.
  double difference = 0;
  /// Whether the model draws random numbers; outputs were compared under equal
  /// seeds.
  bool is_random = false;

  /// One row per layer and batch: name, shape, zeros, pattern, format, times,
  /// ratio, bytes, share of the model's time.
  Table rows() const;
  /// Whether weights were in the caches when layers were timed: "weights warm
  /// in the caches".
  std::string weights_text() const;
  /// `rows` and the totals as text.
  std::string table() const;
};

/// Makes a model faster on this machine and for these inputs. Freezes
/// constants; measures, for every linear layer and convolution, LibTorch's
/// product against each packed format that matches the zeros of the weight,
/// alternately and until the difference is significant; installs the winner.
/// Otherwise LibTorch's product stays, so no layer gets slower. If the whole
/// model does nevertheless, nothing is replaced.
///
/// Uses the threads of `torch::set_num_threads`. Before each timed run of a
/// layer, as many bytes are read as the model has other weights: small models
/// are timed with warm caches, large ones from memory. If the input of a single
/// product is largely zero, as after a relu, formats that skip zeros of the
/// input are measured too. `module` is unchanged: copies of it run, as loaded
/// from a file. The result is for evaluation, and loading its file needs
/// libcoppice.
///
/// Only `forward` becomes faster. Other methods and hooks use the original
/// layers, whose weights are then kept. What any of them writes to is state and
/// not a constant of `forward`. All else is constant, except for numbers, flags
/// and strings of the model, which users may set. The result is saved, loaded
/// and compared with the model over several calls in order.
///
/// `example`: the inputs of `forward`. A model that computes gradients in
///   `forward`, for example of an energy, runs with gradients; others without.
/// Errors: c10::ValueError if the original model does not run on the example,
///   cannot be saved, frozen or copied, or has no layer with a constant weight
///   (already frozen or quantized); c10::Error if the result differs from the
///   model by more than rounding: 1e-3 of its largest output, or 1e-1 with
///   `bfloat16`.
COPPICE_API CompiledModel compile(
    const torch::jit::Module& module,
    const std::vector<c10::IValue>& example,
    const CompileOptions& options = {});

/// Times two models on the same inputs, alternately, and compares their
/// outputs; `before` is the first. Runs copies in evaluation mode. Uses
/// `batches` and `seconds_per_layer` of `options`.
///
/// Errors: c10::ValueError if one of them does not run on the inputs.
COPPICE_API std::vector<ModelTiming> compare_models(
    const torch::jit::Module& first,
    const torch::jit::Module& second,
    const std::vector<c10::IValue>& example,
    const CompileOptions& options = {});

} // namespace coppice
