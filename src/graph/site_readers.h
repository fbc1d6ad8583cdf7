#pragma once

#include <torch/csrc/jit/ir/ir.h>
#include <torch/script.h>

#include <string>
#include <vector>

#include "coppice/core/activation_site.h"
#include "graph/method_values.h"
#include "graph/weighted_call.h"

namespace coppice::graph {

/// An op by a weight, whose input comes straight from an activation site.
struct SiteReader {
  c10::intrusive_ptr<ActivationSite> site;
  std::string op; ///< "aten::linear"
  /// The op's, in their order: what is constant, and the weight as the op takes
  /// it; none in the place of all else.
  std::vector<c10::IValue> inputs;
  size_t activation = 0; ///< Which of the inputs passes the site.
  size_t weight = 1;

  /// How the op takes its weight when `x` passes the site: one call, or none if
  /// that is no linear layer and no convolution over one or two dimensions.
  std::vector<WeightedCall> calls(const torch::Tensor& x) const;

  /// The same for an input of one sample that is made up.
  std::vector<WeightedCall> example() const;
};

/// The ops of a module that take its tensors as weights.
class SiteReaders {
 public:
  explicit SiteReaders(const torch::jit::Module& module);

  /// Those that take `tensor`; of several that read one site in one way there
  /// is one.
  ///
  /// Errors: c10::ValueError if there are none, or an op takes the tensor in a
  ///   way that a `SiteReader` does not tell of.
  std::vector<SiteReader> of(const torch::Tensor& tensor) const;

 private:
  struct Use {
    torch::Tensor tensor;
    SiteReader reader;
    std::string why_none; ///< Empty if there is a reader.
  };

  void add_uses(torch::jit::Graph& graph, Instance* self);

  std::vector<Use> uses_;
};

/// Whether both take the weight in the same way.
bool reads_alike(const WeightedCall& a, const WeightedCall& b);

} // namespace coppice::graph
