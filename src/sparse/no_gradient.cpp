#include "sparse/no_gradient.h"

#include <torch/csrc/autograd/functions/basic_ops.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/grad_mode.h>

namespace coppice::sparse {
namespace {

namespace autograd = torch::autograd;

bool asks_for_gradient(const torch::Tensor& x, const OptionalTensor& bias) {
  return torch::GradMode::is_enabled() &&
      (x.requires_grad() || (bias && bias->defined() && bias->requires_grad()));
}

} // namespace

torch::Tensor without_gradient(
    const char* op,
    torch::Tensor y,
    const torch::Tensor& x,
    const OptionalTensor& bias) {
  if (asks_for_gradient(x, bias)) {
    const std::shared_ptr<autograd::Node> node(
        new autograd::NotImplemented(op), autograd::deleteNode);
    node->set_next_edges(autograd::collect_next_edges(x, bias));
    autograd::set_history(y, node);
  }
  return y;
}

} // namespace coppice::sparse
