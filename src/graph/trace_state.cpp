#include "graph/trace_state.h"

#include <ATen/Context.h>
#include <torch/utils.h>

#include <algorithm>
#include <mutex>

namespace coppice::detail {
namespace {

std::vector<c10::Device> devices_of(const torch::nn::Module& model) {
  std::vector<c10::Device> devices{c10::Device(c10::kCPU)};
  const auto add = [&](const torch::Tensor& tensor) {
    const auto device = tensor.device();
    if (device.is_cuda() &&
        std::find(devices.begin(), devices.end(), device) == devices.end()) {
      devices.push_back(device);
    }
  };
  for (const auto& parameter : model.parameters()) {
    add(parameter);
  }
  for (const auto& buffer : model.buffers()) {
    add(buffer);
  }
  return devices;
}

} // namespace

RunState::RunState(const torch::nn::Module& model) {
  const torch::NoGradGuard no_grad;
  for (const auto& buffer : model.buffers()) {
    buffers_.emplace_back(buffer, buffer.clone());
  }
  for (const auto& device : devices_of(model)) {
    auto generator = at::globalContext().defaultGenerator(device);
    const std::lock_guard<std::mutex> lock(generator.mutex());
    auto state = generator.get_state();
    generators_.emplace_back(std::move(generator), std::move(state));
  }
}

RunState::~RunState() {
  try {
    restore();
  } catch (const std::exception& error) {
    TORCH_WARN("trace: a buffer could not be restored: ", error.what());
  }
}

void RunState::restore() {
  const torch::NoGradGuard no_grad;
  for (auto& [buffer, before] : buffers_) {
    // Only buffers that changed: writing to one makes autograd graphs that
    // saved it unusable.
    if (buffer.sizes() != before.sizes()) {
      buffer.set_data(before.clone());
    } else if (!buffer.equal(before)) {
      buffer.copy_(before);
    }
  }
  for (auto& [generator, before] : generators_) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(before);
  }
}

} // namespace coppice::detail
