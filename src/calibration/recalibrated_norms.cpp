#include "calibration/recalibrated_norms.h"

#include <ATen/ATen.h>

#include <cstring>

#include "graph/named_tensors.h"
#include "graph/op_watch.h"

namespace coppice::calibration {
namespace {

using torch::Tensor;

// Inputs of aten::batch_norm.
constexpr size_t kInput = 0;
constexpr size_t kMean = 3;
constexpr size_t kVariance = 4;

/// Sums over all inputs of a norm.
struct NormSums {
  Tensor mean; ///< The module's running mean; `variance` likewise.
  Tensor variance;
  double count = 0; ///< Values per channel.
  Tensor sum;       ///< float64 [channels].
  Tensor squares;
};

class NormWatcher {
 public:
  bool take(const char* name, graph::OpWatch::Inputs inputs) {
    if (std::strcmp(name, "aten::batch_norm") != 0 ||
        !inputs[kMean].isTensor() || !inputs[kMean].toTensor().defined() ||
        !inputs[kVariance].toTensor().defined()) {
      return false;
    }
    auto& norm = norms_[inputs[kMean].toTensor().unsafeGetTensorImpl()];
    norm.mean = inputs[kMean].toTensor();
    norm.variance = inputs[kVariance].toTensor();
    add(norm, inputs[kInput].toTensor());
    return true;
  }

  /// Writes the statistics of all batches to the norms.
  std::vector<NormSums> finish() {
    std::vector<NormSums> all;
    for (auto& [key, norm] : norms_) {
      const auto mean = norm.sum / norm.count;
      const auto variance = norm.squares / norm.count - mean.square();
      const double unbiased =
          norm.count > 1 ? norm.count / (norm.count - 1) : 1;
      norm.mean.copy_(mean);
      norm.variance.copy_(variance.clamp_min(0) * unbiased);
      all.push_back(norm);
    }
    return all;
  }

 private:
  /// Sets the norm's statistics to those of this batch before it runs.
  static void add(NormSums& norm, const Tensor& input) {
    if (input.numel() == 0) {
      return;
    }
    const auto values = input.transpose(0, 1).flatten(1).to(torch::kDouble);
    const auto sum = values.sum(1);
    const auto squares = values.square().sum(1);
    const auto count = static_cast<double>(values.size(1));
    const auto mean = sum / count;
    norm.mean.copy_(mean);
    norm.variance.copy_((squares / count - mean.square()).clamp_min(0));
    norm.sum = norm.sum.defined() ? norm.sum + sum : sum;
    norm.squares = norm.squares.defined() ? norm.squares + squares : squares;
    norm.count += count;
  }

  std::map<const void*, NormSums> norms_;
};

} // namespace

std::map<std::string, Tensor> recalibrated_norms(
    const ModelLoader& load,
    const std::function<void(torch::jit::Module&)>& change,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch,
    const std::function<void(int64_t)>& progress) {
  const torch::NoGradGuard no_grad;
  auto module = load();
  change(module);
  NormWatcher norms;
  {
    const graph::OpWatch watch([&](const char* name, auto inputs) {
      return norms.take(name, inputs);
    });
    run_samples(module, samples, which, batch, [&](auto, int64_t end, auto) {
      watch.rethrow();
      progress(end);
    });
  }
  std::map<const void*, bool> is_changed;
  for (const auto& norm : norms.finish()) {
    is_changed[norm.mean.unsafeGetTensorImpl()] = true;
    is_changed[norm.variance.unsafeGetTensorImpl()] = true;
  }
  std::map<std::string, Tensor> changed;
  for (const auto& each : graph::named_tensors(module)) {
    if (is_changed.count(each.tensor.unsafeGetTensorImpl()) != 0) {
      changed.emplace(each.name, each.tensor);
    }
  }
  return changed;
}

} // namespace coppice::calibration
