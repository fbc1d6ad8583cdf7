#pragma once

#include <torch/script.h>

#include <string>

#include "images.h"

/// A saved network and its quality.
struct SavedNet {
  std::string path;
  torch::jit::Module net; ///< As loaded from the file.
  double accuracy;        ///< Of `net`, on the test images.
  int64_t bytes;
  int64_t gzip_bytes;
};

/// Saves a network and evaluates it as loaded from its file.
SavedNet save_and_judge(
    const torch::jit::Module& net,
    const std::string& path,
    const ImageSet& test);

/// One row per weight: its shape, zeros and blocks.
void print_layers(const torch::jit::Module& net);

void print_comparison(const SavedNet& dense, const SavedNet& sparse);

std::string percent(double share); ///< "90.00%"
std::string count(int64_t number); ///< "1,234"
