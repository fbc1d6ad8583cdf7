#pragma once

#include <torch/types.h>

#include <memory>
#include <optional>
#include <string>

#include "oneshot/sampled_targets.h"
#include "oneshot/scratch_tensors.h"

namespace coppice::oneshot {

/// What decides how layers are solved, line by line. Runs of which all of it is
/// the same solve the same.
struct RunFacts {
  std::string model;
  std::string samples;
  std::string options;
  std::string layers;
};

/// What was solved, in a scratch folder beside the output, so that a run that
/// was killed goes on there. A layer is kept as soon as it is solved.
class SolvedParts {
 public:
  /// Opens what a run of the same facts left for `output`, if one did.
  ///
  /// Errors: c10::ValueError if another run's work is there; OutputError if
  ///   one works there now.
  SolvedParts(const std::string& output, const RunFacts& facts);
  /// What is solved stays; a folder without any goes.
  ~SolvedParts();
  SolvedParts(const SolvedParts&) = delete;
  SolvedParts& operator=(const SolvedParts&) = delete;

  /// The part as it was solved before; nothing if it was not. `text` says how
  /// it is solved.
  std::optional<SolvedPart>
  find(size_t part, const std::string& text, const torch::Tensor& like);

  /// Keeps a part that was solved.
  ///
  /// Errors: OutputError, as below.
  SolvedPart keep(size_t part, const std::string& text, SolvedPart solved);

  /// Has a tensor lie in the folder instead of memory, until the end.
  FileTensor hold(size_t target, const torch::Tensor& tensor);

  /// Where work is that a run of the same facts would find; empty if there is
  /// none.
  std::string folder() const;

  /// Removes the folder.
  void clear();

 private:
  void begin();

  std::string output_;
  std::string facts_;
  std::unique_ptr<ScratchTensors> tensors_; ///< Null before there is work.
};

} // namespace coppice::oneshot
