#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "calibration/samples.h"

namespace coppice::calibration {

/// The outputs of a model on some samples, batch by batch. They are kept in
/// memory if they fit, else the model runs again each time.
class DenseOutputs {
 public:
  using Take = std::function<
      void(const SampleIndices& which, const c10::IValue& output)>;

  /// Refers to `load`, `samples` and `which`. `most_bytes`: limit for the
  /// outputs in memory.
  DenseOutputs(
      const ModelLoader& load,
      const Samples& samples,
      const SampleIndices& which,
      int64_t batch,
      int64_t most_bytes);

  int64_t batches() const;

  /// Calls `take` for every batch, in order.
  ///
  /// Errors: as `run_samples`.
  void for_each(const Take& take);

 private:
  SampleIndices batch_at(int64_t begin, int64_t end) const;
  void run(const Take& take);
  void keep(const c10::IValue& output);

  const ModelLoader& load_;
  const Samples& samples_;
  const SampleIndices& which_;
  int64_t batch_;
  int64_t room_; ///< Bytes that are left; negative: outputs do not fit.
  std::vector<c10::IValue> kept_;
};

} // namespace coppice::calibration
