#pragma once

#include <cstdlib>

#include "coppice/io/checkpoint.h"
#include "io/exported_program.h"

namespace coppice::fuzz {

/// Reads the first and the last byte of each tensor and each place of a
/// checksum, so that AddressSanitizer sees those that are wrong.
inline unsigned touch(const Checkpoint& checkpoint) {
  unsigned sum = 0;
  for (const auto& tensor : checkpoint.state.tensors) {
    if (tensor.numel() == 0) {
      continue;
    }
    int64_t last = 0;
    for (size_t i = 0; i < tensor.shape.size(); ++i) {
      last += (tensor.shape[i] - 1) * tensor.strides[i];
    }
    const int64_t width = dtype_bits(tensor.dtype) / 8;
    sum += static_cast<unsigned>(tensor.data[0]);
    sum += static_cast<unsigned>(tensor.data[(last + 1) * width - 1]);
  }
  for (const auto& checksum : checkpoint.checksums) {
    const auto& file = *checkpoint.files.at(checksum.file);
    for (const uint64_t place : checksum.places) {
      if (file.size() < 4 || place > file.size() - 4) {
        std::abort();
      }
    }
    if (checksum.covered.end > file.size()) {
      std::abort();
    }
  }
  return sum;
}

/// Walks through a graph and those in its arguments.
///
/// Errors: FileError.
inline size_t touch(const io::ExportedGraph& graph) {
  size_t sum = graph.inputs.size() + graph.outputs.size();
  for (const auto& node : graph.nodes) {
    sum += node.target.size();
    for (const auto& input : node.inputs) {
      sum += input.name.size() + input.value.name().size();
      if (input.value.kind == "as_graph") {
        sum += touch(io::exported_graph(input.value.value["graph"], "input"));
      }
    }
    for (const auto& output : node.outputs) {
      sum += output.name().size();
    }
  }
  return sum;
}

/// Reads and walks through the JSON of a program.
inline void touch_program(std::string_view text) {
  volatile size_t sum = touch(io::parse_exported_program(text, "input").graph);
  static_cast<void>(sum);
}

} // namespace coppice::fuzz
