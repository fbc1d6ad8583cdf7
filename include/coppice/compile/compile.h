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
  /// The sizes of dimension 0 of the inputs to measure with; an example is cut
  /// or repeated to them. A layer is replaced only if none of them gets slower.
  /// Default: that of the example.
  CompileOptions& batches(std::vector<int64_t> sizes);
  const std::vector<int64_t>& batches() const {
    return batches_;
  }

  /// Seconds that a layer may be measured for, each batch. Default: 1
  CompileOptions& seconds_per_layer(double seconds);
  double seconds_per_layer() const {
    return seconds_per_layer_;
  }

  /// Whether weights may also be stored as bfloat16, which takes half the bytes
  /// and is faster where single inputs wait for memory. Each weight is off by
  /// up to 2^-9 of itself then, and what the model computes by about as much:
  /// `CompiledModel::difference` says by how much here. Products and sums stay
  /// float32. Default: false
  CompileOptions& bfloat16(bool allowed);
  bool bfloat16() const {
    return bfloat16_;
  }

  /// Folder of what was measured before, by processor, threads and layer; empty
  /// measures anew and remembers nothing. Default: `timing_cache_folder()`
  CompileOptions& cache(std::string folder);
  const std::string& cache() const {
    return cache_;
  }

  /// Called as layers are measured.
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

/// A layer's times at one batch.
struct LayerTiming {
  int64_t batch = 0;          ///< Dimension 0 of the model's inputs.
  int64_t rows = 0;           ///< Inputs of the layer: products a call.
  double dense = 0;           ///< Microseconds of LibTorch's own.
  double chosen = 0;          ///< Microseconds of what was installed.
  std::string fastest_format; ///< At this batch alone; "libtorch" for its own.
};

/// What `compile` found out about a layer and decided.
struct COPPICE_API CompiledLayer {
  std::string layer; ///< FQN.
  /// "linear", "conv2d"; of layers that are always left also "lstm",
  /// "conv_transpose2d", "embedding" and others, or the name of an op.
  std::string kind;
  /// Of its weight, the largest if it has several; empty if an object holds it.
  std::vector<int64_t> shape;
  int64_t call = 1; ///< 2 where the model runs the layer for the second time.
  /// Whether a layer before has the same weight, which counts there.
  bool is_repeated = false;
  /// As it was given, so that its zeros can be shown; drop it to free memory.
  torch::Tensor weight;
  double sparsity = 0;
  std::string pattern; ///< As `to_string(Pattern)`; empty without zeros.
  /// The name of a `PackedFormat`, followed by " bfloat16" where weights are
  /// stored as that, or "libtorch": left as it was.
  std::string format;
  /// Why it was left, where it could not be replaced; empty if it was measured.
  std::string why_left;
  std::vector<LayerTiming> timings; ///< One a batch, in their order.
  int64_t bytes_before = 0;         ///< 0 if it is repeated.
  int64_t bytes_after = 0; ///< 0 if a layer before has the same packed weight.
  /// Bytes of other memory that went through the caches before each timed run,
  /// as the model's other weights do; 0 if its own stayed warm.
  int64_t passing_bytes = 0;

  /// "fc1", or of a later call "fc1, call 2".
  std::string name() const;
};

/// Times of the whole model at one batch, microseconds of a call.
struct ModelTiming {
  int64_t batch = 0;
  double before = 0; ///< The model as it was given.
  double after = 0;
  /// The largest difference of outputs, in parts of the largest output of the
  /// model as it was given; infinite if they differ in structure or shape.
  double difference = 0;
};

/// A model whose layers run on the fastest product that was measured.
struct COPPICE_API CompiledModel {
  /// It never ran: its state is as it was given. All methods, hooks and
  /// attributes of the model are there, but for weights that only `forward`
  /// used and methods of submodules that only `forward` called.
  torch::jit::Module module;
  /// A row for all that holds a weight, in the order of the model.
  std::vector<CompiledLayer> layers;
  std::vector<ModelTiming> timings; ///< One a batch.
  std::string processor; ///< What it was measured on; "unknown" if it is.
  /// The largest difference to the outputs of the model as it was given, in
  /// parts of its largest output.
  double difference = 0;
  /// Whether the model draws random numbers: then outputs were compared under
  /// equal seeds.
  bool is_random = false;

  /// A row a layer: name, shape, zeros, pattern, format, times, ratio, bytes,
  /// share of the model's time.
  Table rows() const;
  /// Where the weights were when layers were timed: "weights warm in the
  /// caches".
  std::string weights_text() const;
  /// `rows` and the totals as text.
  std::string table() const;
};

/// Makes a model faster on this machine and for these inputs: freezes what is
/// constant, measures for every linear layer and convolution LibTorch's own
/// product against those of each packed format that fits the weight's zeros,
/// in turn and until the difference is surer than its noise, and installs what
/// wins. Where nothing does, LibTorch's own stays: no layer gets slower. If the
/// whole model does all the same, all layers are left.
///
/// Runs on the threads that `torch::set_num_threads` sets. Before each timed
/// run of a layer as many bytes go through the caches as the model has other
/// weights: a small model is timed warm, a large one from memory. Where the
/// input of a single product is largely zero, as after a relu, products that
/// skip zeros of the input take part. `module` itself is not changed: copies of
/// it run, as a file would give them back. The result is for evaluation and its
/// file needs libcoppice to load.
///
/// Only `forward` becomes faster. Other methods and hooks run the layers as
/// they were given, whose weights then stay. What any of them writes to is
/// state, and no constant of `forward`; what nothing writes to is, but for
/// numbers, flags and texts of the model itself, which may be set from outside.
/// The result is saved, loaded and compared with the model over several calls
/// in order.
///
/// `example`: the inputs of `forward`. A model that takes gradients in
///   `forward`, as of an energy, runs with gradients; any other without.
/// Errors: c10::ValueError if the model does not run on the example as it was
///   given, cannot be saved, frozen or copied, or has no layer with a constant
///   weight (frozen or quantized before); c10::Error if the result differs from
///   the model by more than rounding: by 1e-3 of its largest output, or 1e-1
///   with `bfloat16`.
COPPICE_API CompiledModel compile(
    const torch::jit::Module& module,
    const std::vector<c10::IValue>& example,
    const CompileOptions& options = {});

/// Times two models on the same inputs, in turn, and compares what they
/// compute; `before` is the first. They run as in evaluation and are not
/// changed. Of `options`, batches and seconds count.
///
/// Errors: c10::ValueError if one of them does not run on the inputs.
COPPICE_API std::vector<ModelTiming> compare_models(
    const torch::jit::Module& first,
    const torch::jit::Module& second,
    const std::vector<c10::IValue>& example,
    const CompileOptions& options = {});

} // namespace coppice
