#pragma once

#include <torch/types.h>
#include <torch/utils.h>

#include <nlohmann/json.hpp>

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace coppice::testing {

/// The file `name` of tests/data/golden: recorded outputs of PyTorch's own
/// implementation. Throws if it is missing, so that no comparison is left out.
inline nlohmann::json golden(const std::string& name) {
  const std::string path = COPPICE_TESTS "/data/golden/" + name;
  std::ifstream file(path);
  if (!file) {
    throw std::runtime_error(path + " is missing");
  }
  return nlohmann::json::parse(file);
}

/// A tensor from {shape, dtype, values}, or from {shape, dtype, bits} a tensor
/// of kBool.
inline torch::Tensor golden_tensor(const nlohmann::json& encoded) {
  const auto shape = encoded.at("shape").get<std::vector<int64_t>>();
  if (encoded.contains("bits")) {
    const auto bits = encoded.at("bits").get<std::string>();
    auto mask = torch::empty(shape, torch::kBool);
    for (size_t i = 0; i < bits.size(); ++i) {
      mask.data_ptr<bool>()[i] = bits[i] == '1';
    }
    return mask;
  }
  std::vector<double> values;
  for (const auto& value : encoded.at("values")) {
    // NaN and infinity are written as text.
    values.push_back(
        value.is_string() ? std::stod(value.get<std::string>())
                          : value.get<double>());
  }
  const auto dtype = encoded.at("dtype").get<std::string>();
  const auto type = dtype == "float64" ? torch::kDouble
      : dtype == "float16"             ? torch::kHalf
      : dtype == "bfloat16"            ? torch::kBFloat16
      : dtype == "int64"               ? torch::kLong
      : dtype == "bool"                ? torch::kBool
                                       : torch::kFloat;
  return torch::tensor(values, torch::kDouble).to(type).reshape(shape);
}

/// A mask as the golden files write it: a character an element, row-major.
inline std::string bits_of(const torch::Tensor& mask) {
  const auto flat = mask.ne(0).contiguous().reshape(-1);
  std::string bits;
  for (int64_t i = 0; i < flat.numel(); ++i) {
    bits += flat.data_ptr<bool>()[i] ? '1' : '0';
  }
  return bits;
}

} // namespace coppice::testing
