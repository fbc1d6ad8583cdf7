#pragma once

// A small model in the forms that a sparsifier can watch.

#include <torch/script.h>
#include <torch/torch.h>

#include <functional>
#include <ostream>
#include <vector>

#include "coppice/graph/activation_sites.h"
#include "coppice/graph/trace.h"
#include "coppice/model/hooked.h"
#include "coppice/model/model_view.h"
#include "coppice/solve/patches.h"

namespace coppice::testing {

/// A convolution in two groups, and a linear layer.
struct CalibratedNetImpl : torch::nn::Module {
  CalibratedNetImpl() {
    register_module("conv", conv);
    register_module("fc", fc);
  }

  torch::Tensor forward(torch::Tensor x) {
    return fc(torch::relu(conv(x)).flatten(1));
  }

  coppice::nn::Hooked<torch::nn::Conv2d> conv{
      torch::nn::Conv2dOptions(4, 6, 3).groups(2).stride(2).padding(1)};
  coppice::nn::Hooked<torch::nn::Linear> fc{54, 5};
};
TORCH_MODULE(CalibratedNet);

inline CalibratedNet seeded_calibrated_net() {
  torch::manual_seed(4);
  return CalibratedNet();
}

inline torch::Tensor calibration_images(int64_t count) {
  torch::manual_seed(9);
  return torch::randn({count, 4, 6, 6});
}

/// A model whatever its form.
struct WatchedNet {
  ModelView view;
  std::function<torch::Tensor(const torch::Tensor& images)> forward;
};

inline WatchedNet watched_script(torch::jit::Module script) {
  return {script, [script](const torch::Tensor& x) mutable {
            return script.forward({x}).toTensor();
          }};
}

inline WatchedNet hooked_calibrated_net() {
  auto net = seeded_calibrated_net();
  return {*net, [net](const torch::Tensor& x) mutable { return net(x); }};
}

inline WatchedNet traced_calibrated_net() {
  return watched_script(with_activation_sites(
      trace(seeded_calibrated_net(), torch::zeros({2, 4, 6, 6}))));
}

inline WatchedNet scripted_calibrated_net() {
  const auto net = seeded_calibrated_net();
  const auto layer = [&](const char* name, const char* forward) {
    torch::jit::Module module(name);
    for (const auto& parameter :
         net->named_children()[name]->named_parameters()) {
      module.register_parameter(parameter.key(), parameter.value(), false);
    }
    module.define(forward);
    return module;
  };
  torch::jit::Module script("Net");
  // As Python's layers call a method with their weight.
  script.register_module("conv", layer("conv", R"(
def _conv_forward(self, x: Tensor, weight: Tensor):
    return torch.conv2d(x, weight, self.bias, [2, 2], [1, 1], [1, 1], 2)
def forward(self, x: Tensor):
    return self._conv_forward(x, self.weight)
)"));
  script.register_module("fc", layer("fc", R"(
def forward(self, x: Tensor):
    if x.dim() == 2:
        return torch.addmm(self.bias, x, self.weight.t())
    return torch.matmul(x, self.weight.t()) + self.bias
)"));
  script.define(R"(
def forward(self, x: Tensor):
    return self.fc.forward(torch.relu(self.conv.forward(x)).flatten(1))
)");
  return watched_script(with_activation_sites(script));
}

struct WatchedForm {
  const char* name;
  WatchedNet (*net)();
};

inline std::ostream& operator<<(std::ostream& stream, const WatchedForm& form) {
  return stream << form.name;
}

inline const WatchedForm kWatchedForms[] = {
    {"Hooked", hooked_calibrated_net},
    {"Traced", traced_calibrated_net},
    {"Scripted", scripted_calibrated_net}};

/// What enters the two layers as `images` pass the dense model.
struct HandMadeMoments {
  std::vector<SecondMoments> conv;
  std::vector<SecondMoments> fc;
};

inline HandMadeMoments moments_by_hand(
    const torch::Tensor& images,
    SecondMoments::Kind kind) {
  const torch::NoGradGuard no_grad;
  auto net = seeded_calibrated_net();
  const auto how =
      PatchOptions().kernel({3, 3}).stride({2, 2}).padding({1, 1}).groups(2);
  HandMadeMoments moments{
      patch_moments(2, how, kind), {SecondMoments(54, kind)}};
  add_patches(moments.conv, images, how);
  moments.fc.front().add(torch::relu(net->conv(images)).flatten(1));
  return moments;
}

} // namespace coppice::testing
