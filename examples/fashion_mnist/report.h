#pragma once

#include <torch/script.h>

#include <string>

#include "images.h"

/// A network on the disk and what it is worth.
struct SavedNet {
  std::string path;
  torch::jit::Module net; ///< What the file holds.
  double accuracy;        ///< Of `net`, on the test images.
  int64_t bytes;
  int64_t gzip_bytes;
};

/// Saves a network, and judges it read from its file: what counts is what the
/// file holds.
SavedNet save_and_judge(
    const torch::jit::Module& net,
    const std::string& path,
    const ImageSet& test);

/// A row a weight: its shape, zeros and blocks.
void print_layers(const torch::jit::Module& net);

void print_comparison(const SavedNet& dense, const SavedNet& sparse);

std::string percent(double share); ///< "90.00%"
std::string count(int64_t number); ///< "1,234"
