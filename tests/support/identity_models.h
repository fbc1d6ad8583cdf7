#pragma once

#include <torch/script.h>
#include <torch/torch.h>

#include <functional>
#include <ostream>
#include <string>
#include <utility>

#include "coppice/core/activation_site.h"
#include "coppice/graph/activation_sites.h"
#include "coppice/model/hooked.h"
#include "model/activation_layers.h"

namespace coppice::testing {

/// A model of one layer "0", an identity: Python's
/// `nn.Sequential(nn.Identity())`.
struct IdentityModel {
  ActivationLayers layers;
  std::function<torch::Tensor(const torch::Tensor&)> forward;
};

/// A form of a model with activation sites.
struct Form {
  const char* name;
  IdentityModel (*model)();
};

inline std::ostream& operator<<(std::ostream& stream, const Form& form) {
  return stream << form.name;
}

inline std::string form_name(const ::testing::TestParamInfo<Form>& info) {
  return info.param.name;
}

/// An identity layer with a site.
inline ActivationLayer site_layer(const std::string& fqn) {
  ActivationLayer layer;
  layer.fqn = fqn;
  layer.site = c10::make_intrusive<ActivationSite>(fqn);
  layer.description = "Identity()";
  layer.identity = layer.site.get();
  return layer;
}

inline IdentityModel bare_site() {
  const auto layer = site_layer("0");
  return {{layer}, [site = layer.site](const torch::Tensor& x) {
            return site->pass(x);
          }};
}

inline IdentityModel hooked_module() {
  torch::nn::Sequential model{coppice::nn::Hooked<torch::nn::Identity>()};
  return {activation_layers(*model), [model](const torch::Tensor& x) mutable {
            return model->forward(x);
          }};
}

inline IdentityModel script_module() {
  torch::jit::Module identity("Identity");
  identity.define("def forward(self, x: Tensor):\n    return x\n");
  torch::jit::Module plain("Model");
  plain.register_module("0", identity);
  plain.define(
      "def forward(self, x: Tensor):\n    return getattr(self, "
      "'0').forward(x)\n");
  auto model = with_activation_sites(plain, {"0"});
  return {activation_layers(model), [model](const torch::Tensor& x) mutable {
            return model.forward({x}).toTensor();
          }};
}

inline const Form kForms[] = {
    {"Site", bare_site},
    {"Hooked", hooked_module},
    {"TorchScript", script_module}};

} // namespace coppice::testing
