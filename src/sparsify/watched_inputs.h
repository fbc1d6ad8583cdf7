#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "coppice/core/values.h"
#include "coppice/solve/second_moments.h"
#include "graph/site_readers.h"

namespace coppice::sparsify {

/// What enters the layers that have a tensor as their weight, as second
/// moments.
class WatchedInputs {
 public:
  /// The readers, one or more, take `tensor` in the same way. Watches nothing
  /// yet.
  ///
  /// Errors: c10::ValueError if they take a part of the tensor.
  WatchedInputs(
      std::vector<graph::SiteReader> readers,
      const torch::Tensor& tensor,
      SecondMoments::Kind kind);
  ~WatchedInputs();
  WatchedInputs(const WatchedInputs&) = delete;
  WatchedInputs& operator=(const WatchedInputs&) = delete;

  void attach();
  void detach();

  int64_t rows() const;

  /// Of each group of a convolution, one of anything else. Nothing may enter
  /// while they are used.
  const std::vector<SecondMoments>& moments() const;

  /// A tensor like the weight as the layers take it: [out, in], or [out, in /
  /// groups, height, width].
  torch::Tensor as_taken(const torch::Tensor& tensor) const;
  /// The inverse.
  torch::Tensor as_stored(const torch::Tensor& taken) const;

  /// What was added up, as copies.
  Values state() const;
  /// What `state` returned, out of `values`, from which it is taken away; empty
  /// if there is none.
  ///
  /// Errors: c10::ValueError if it is that of another layer.
  std::vector<SecondMoments> taken_out_of(Values& values) const;
  void set_moments(std::vector<SecondMoments> moments);

 private:
  /// What observers add to, which may outlive the sparsifier.
  struct Sums {
    mutable std::mutex mutex; ///< Of what follows.
    std::vector<SecondMoments> moments;
  };

  std::vector<graph::SiteReader> readers_;
  std::vector<std::pair<c10::intrusive_ptr<ActivationSite>, ActivationSite::Id>>
      attached_;
  std::shared_ptr<Sums> sums_;
  std::vector<int64_t> stored_sizes_;
  std::vector<int64_t> taken_sizes_;
  bool is_transposed_ = false; ///< Stored as [in, out].
};

} // namespace coppice::sparsify
