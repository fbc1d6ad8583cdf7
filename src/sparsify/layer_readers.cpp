#include "sparsify/layer_readers.h"

#include <torch/torch.h>

#include <set>
#include <typeinfo>

#include "coppice/model/hooked.h"
#include "core/torch_compat.h"
#include "model/activation_layers.h"

namespace coppice::sparsify {
namespace {

using graph::SiteReader;
using torch::Tensor;

template <size_t D>
std::vector<int64_t> numbers_of(const torch::ExpandingArray<D>& numbers) {
  return {numbers->begin(), numbers->end()};
}

template <size_t D, typename Options>
c10::IValue padding_of(const Options& options) {
  if (const auto* numbers =
          compat::value_if<torch::ExpandingArray<D>>(options.padding())) {
    return numbers_of<D>(*numbers);
  }
  const auto* same =
      compat::value_if<torch::enumtype::kSame>(options.padding());
  return c10::IValue(same != nullptr ? "same" : "valid");
}

/// The inputs of `aten::conv1d` or `aten::conv2d`.
template <size_t D, typename Conv>
std::vector<c10::IValue> conv_inputs(const Conv& conv) {
  const auto& options = conv.options;
  TORCH_CHECK_VALUE(
      compat::value_if<torch::enumtype::kZeros>(options.padding_mode()),
      "its layer pads with something other than zeros");
  return {
      c10::IValue(),
      conv.weight,
      c10::IValue(),
      numbers_of<D>(options.stride()),
      padding_of<D>(options),
      numbers_of<D>(options.dilation()),
      options.groups()};
}

/// Only of the classes themselves: those derived from them may change what
/// enters.
SiteReader reader_of(const torch::nn::Module& module) {
  using torch::nn::Conv1dImpl;
  using torch::nn::Conv2dImpl;
  using torch::nn::LinearImpl;
  const auto& type = typeid(module);
  SiteReader reader;
  if (type == typeid(nn::HookedImpl<LinearImpl>)) {
    reader.op = "aten::linear";
    reader.inputs = {
        c10::IValue(),
        dynamic_cast<const LinearImpl&>(module).weight,
        c10::IValue()};
  } else if (type == typeid(nn::HookedImpl<Conv1dImpl>)) {
    reader.op = "aten::conv1d";
    reader.inputs = conv_inputs<1>(dynamic_cast<const Conv1dImpl&>(module));
  } else if (type == typeid(nn::HookedImpl<Conv2dImpl>)) {
    reader.op = "aten::conv2d";
    reader.inputs = conv_inputs<2>(dynamic_cast<const Conv2dImpl&>(module));
  }
  return reader;
}

bool has(const torch::nn::Module& module, const Tensor& tensor) {
  for (const auto& parameter : module.named_parameters(/*recurse=*/false)) {
    if (parameter.value().is_same(tensor)) {
      return true;
    }
  }
  return false;
}

SiteReader reader_in(const ActivationLayer& layer, const Tensor& tensor) {
  TORCH_CHECK_VALUE(
      layer.site != nullptr,
      "what enters layer `",
      layer.fqn,
      "` cannot be seen: ",
      layer.why_no_site);
  auto reader =
      reader_of(*static_cast<const torch::nn::Module*>(layer.identity));
  TORCH_CHECK_VALUE(
      !reader.op.empty() && reader.inputs[1].toTensor().is_same(tensor),
      "samples tell of the `weight` of Linear, Conv1d and Conv2d, and of layer "
      "`",
      layer.fqn,
      "` only in a model that was traced");
  reader.site = layer.site;
  return reader;
}

} // namespace

LayerReaders::LayerReaders(const ModelView& model) {
  if (const auto* script = model.script()) {
    script_ = std::make_unique<graph::SiteReaders>(*script);
    return;
  }
  TORCH_CHECK_VALUE(
      model.module() != nullptr,
      "prepare: a table of tensors does not run: give the model that has them");
  layers_ = activation_layers(*model.module());
}

std::vector<SiteReader> LayerReaders::of(const Tensor& tensor) const {
  if (script_ != nullptr) {
    return script_->of(tensor);
  }
  std::vector<SiteReader> readers;
  std::set<const void*> seen;
  for (const auto& layer : layers_) {
    const auto* module = static_cast<const torch::nn::Module*>(layer.identity);
    if (!seen.insert(layer.identity).second || !has(*module, tensor)) {
      continue;
    }
    readers.push_back(reader_in(layer, tensor));
    TORCH_CHECK_VALUE(
        graph::reads_alike(
            readers.back().example().at(0), readers.front().example().at(0)),
        "layers take it in different ways");
  }
  TORCH_CHECK_VALUE(!readers.empty(), "it is the weight of no layer");
  return readers;
}

} // namespace coppice::sparsify
