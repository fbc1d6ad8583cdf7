#pragma once

#include <gtest/gtest.h>
#include <torch/script.h>

#include <string>
#include <vector>

#include "cli/child.h"
#include "cli/tensor_file.h"
#include "support/script_models.h"

namespace coppice::cli {

/// Files of a small model, its samples, and their classes by the model itself.
class CalibratedModel : public ::testing::Test {
 protected:
  CalibratedModel() {
    auto net = testing::script_net();
    net.save(model_);
    const auto x = torch::randn({64, 6});
    save_tensors(samples_, {{"x", x}});
    save_tensors(labels_, {{"y", net.forward({x}).toTensor().argmax(1)}});
  }

  Outcome prune(std::vector<std::string> options) const {
    options.insert(
        options.begin(),
        {"prune", model_, "-o", out_, "--calibration", samples_});
    return run_coppice(options);
  }

  TemporaryFolder folder_;
  std::string model_ = folder_.file("net.pt");
  std::string samples_ = folder_.file("samples.safetensors");
  std::string labels_ = folder_.file("labels.safetensors");
  std::string out_ = folder_.file("out.pt");
};

} // namespace coppice::cli
