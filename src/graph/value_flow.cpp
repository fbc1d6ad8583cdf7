#include "graph/value_flow.h"

#include <string>
#include <string_view>
#include <unordered_map>

namespace coppice::graph {
namespace {

constexpr std::string_view kViews[] = {
    "aten::t",
    "aten::transpose",
    "aten::numpy_T",
    "aten::mT",
    "aten::adjoint",
    "aten::permute",
    "aten::movedim",
    "aten::swapaxes",
    "aten::swapdims",
    "aten::view",
    "aten::view_as",
    "aten::reshape",
    "aten::reshape_as",
    "aten::squeeze",
    "aten::unsqueeze",
    "aten::flatten",
    "aten::unflatten",
    "aten::ravel",
    "aten::expand",
    "aten::expand_as",
    "aten::broadcast_to",
    "aten::repeat",
    "aten::repeat_interleave",
    "aten::tile",
    "aten::detach",
    "aten::alias",
    "aten::contiguous",
    "aten::clone",
    "aten::to",
    "aten::_to_copy",
    "aten::_unsafe_view",
    "aten::lift_fresh",
    "aten::lift_fresh_copy",
    "aten::type_as",
    "aten::float",
    "aten::half",
    "aten::double",
    "aten::bfloat16",
    "aten::cpu",
    "aten::cuda",
    "aten::slice",
    "aten::narrow",
    "aten::select",
    "aten::chunk",
    "aten::split",
    "aten::split_with_sizes",
    "aten::tensor_split",
    "aten::unbind",
    "aten::cat",
    "aten::concat",
    "aten::hstack",
    "aten::vstack",
    "aten::stack",
    "aten::roll",
    "aten::flip",
    "aten::rot90",
    "aten::pad",
    "aten::constant_pad_nd",
    "aten::tril",
    "aten::triu",
    "aten::diag",
    "aten::diag_embed",
    "aten::block_diag",
    "aten::as_strided",
    "aten::unfold",
    "aten::requires_grad_",
    "aten::_unwrap_optional",
    "aten::values",
    "aten::items",
    "aten::list",
    "aten::dict",
    "aten::copy",
    "aten::get",
    "aten::broadcast_tensors",
    "aten::meshgrid",
    "prim::data",
    "prim::unchecked_cast",
    "prim::unchecked_unwrap_optional",
};

constexpr std::string_view kLookups[] = {
    "aten::index",
    "aten::index_select",
    "aten::gather",
    "aten::take",
    "aten::take_along_dim",
};

constexpr std::string_view kArithmetics[] = {
    "aten::add",
    "aten::sub",
    "aten::mul",
    "aten::div",
    "aten::multiply",
    "aten::divide",
    "aten::subtract",
    "aten::true_divide",
    "aten::floor_divide",
    "aten::rsub",
    "aten::pow",
    "aten::square",
    "aten::neg",
    "aten::abs",
    "aten::sign",
    "aten::sgn",
    "aten::exp",
    "aten::log",
    "aten::log1p",
    "aten::expm1",
    "aten::sqrt",
    "aten::rsqrt",
    "aten::reciprocal",
    "aten::sin",
    "aten::cos",
    "aten::tanh",
    "aten::sigmoid",
    "aten::hardtanh",
    "aten::hardsigmoid",
    "aten::relu",
    "aten::leaky_relu",
    "aten::elu",
    "aten::gelu",
    "aten::silu",
    "aten::softplus",
    "aten::softmax",
    "aten::_softmax",
    "aten::log_softmax",
    "aten::_log_softmax",
    "aten::clamp",
    "aten::clamp_min",
    "aten::clamp_max",
    "aten::clip",
    "aten::minimum",
    "aten::maximum",
    "aten::where",
    "aten::masked_fill",
    "aten::lerp",
    "aten::addcmul",
    "aten::addcdiv",
    "aten::round",
    "aten::floor",
    "aten::ceil",
    "aten::trunc",
    "aten::nan_to_num",
    "aten::gt",
    "aten::ge",
    "aten::lt",
    "aten::le",
    "aten::eq",
    "aten::ne",
    "aten::logical_and",
    "aten::logical_or",
    "aten::logical_not",
    "aten::bernoulli",
    "aten::normal",
    "aten::dropout",
    "aten::alpha_dropout",
    "aten::feature_dropout",
    "aten::kron",
    "aten::outer",
    "aten::_weight_norm",
    "aten::_weight_norm_interface",
    "aten::fake_quantize_per_tensor_affine",
    "aten::fake_quantize_per_channel_affine",
    "aten::quantize_per_tensor",
    "aten::quantize_per_channel",
    "aten::dequantize",
};

constexpr std::string_view kNothings[] = {
    "aten::size",
    "aten::sym_size",
    "aten::sym_stride",
    "aten::sym_numel",
    "aten::sym_storage_offset",
    "aten::sum",
    "aten::mean",
    "aten::std",
    "aten::var",
    "aten::var_mean",
    "aten::std_mean",
    "aten::norm",
    "aten::linalg_norm",
    "aten::linalg_vector_norm",
    "aten::linalg_matrix_norm",
    "aten::frobenius_norm",
    "aten::norm_except_dim",
    "aten::max",
    "aten::min",
    "aten::amax",
    "aten::amin",
    "aten::argmax",
    "aten::argmin",
    "aten::median",
    "aten::kthvalue",
    "aten::topk",
    "aten::sort",
    "aten::quantile",
    "aten::cumsum",
    "aten::prod",
    "aten::logsumexp",
    "aten::any",
    "aten::all",
    "aten::isnan",
    "aten::isinf",
    "aten::isfinite",
    "aten::nonzero",
    "aten::zeros_like",
    "aten::ones_like",
    "aten::empty_like",
    "aten::full_like",
    "aten::rand_like",
    "aten::randn_like",
    "aten::new_zeros",
    "aten::new_ones",
    "aten::new_empty",
    "aten::new_full",
    "aten::cdist",
    "prim::shape",
};

using Flows = std::unordered_map<std::string_view, ValueFlow>;

template <size_t N>
void add(const std::string_view (&names)[N], ValueFlow flow, Flows& flows) {
  for (const auto name : names) {
    flows.emplace(name, flow);
  }
}

const Flows& all_flows() {
  static const Flows all = [] {
    Flows flows;
    add(kViews, ValueFlow::kView, flows);
    add(kLookups, ValueFlow::kLookup, flows);
    add(kArithmetics, ValueFlow::kArithmetic, flows);
    add(kNothings, ValueFlow::kNothing, flows);
    return flows;
  }();
  return all;
}

} // namespace

ValueFlow value_flow(c10::Symbol kind) {
  const std::string_view name = kind.toQualString();
  auto found = all_flows().find(name);
  if (found == all_flows().end() && name.back() == '_') {
    found = all_flows().find(name.substr(0, name.size() - 1));
  }
  return found == all_flows().end() ? ValueFlow::kUnknown : found->second;
}

} // namespace coppice::graph
