#pragma once

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "archive/pickle_writer.h"
#include "archive/zip_writer.h"

/// Archives of torch.export, written byte by byte as PyTorch does, of one small
/// program:
///
///   forward(x): linear(x * scale, fc.weight, fc.bias) + k
///
/// `tied` has the storage of `fc.weight`.
namespace coppice::testing {

/// A zip archive by its entries, which a test may change.
struct ArchiveBytes {
  std::vector<std::pair<std::string, std::string>> entries;

  std::string& entry(const std::string& name) {
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
          return entry.first == name;
        });
    if (found == entries.end()) {
      throw std::logic_error("there is no entry " + name);
    }
    return found->second;
  }

  void remove(const std::string& name) {
    entries.erase(
        std::remove_if(
            entries.begin(),
            entries.end(),
            [&](const auto& entry) { return entry.first == name; }),
        entries.end());
  }

  /// Puts `with` in the place of `what`, which is there.
  void replace(
      const std::string& name,
      const std::string& what,
      const std::string& with) {
    auto& text = entry(name);
    const auto at = text.find(what);
    if (at == std::string::npos) {
      throw std::logic_error(name + " does not hold " + what);
    }
    text.replace(at, what.size(), with);
  }

  std::string bytes() const {
    std::string bytes;
    archive::ZipWriter zip(
        [&bytes](std::string_view piece) { bytes += piece; });
    for (const auto& [name, data] : entries) {
      zip.add(name, data);
    }
    zip.finish();
    return bytes;
  }
};

/// `count` numbers, from `first` on.
inline std::string float_bytes(size_t count, float first) {
  std::string bytes(count * sizeof(float), '\0');
  for (size_t i = 0; i < count; ++i) {
    const float number = first + static_cast<float>(i);
    std::memcpy(bytes.data() + i * sizeof(float), &number, sizeof(float));
  }
  return bytes;
}

/// A file of torch.save.
inline std::string torch_save_bytes(const PickleValue& value) {
  const auto pickle = archive::write_pickle(value);
  ArchiveBytes file;
  file.entries = {
      {"archive/data.pkl", pickle.bytes}, {"archive/byteorder", "little"}};
  for (size_t i = 0; i < pickle.storages.size(); ++i) {
    const auto& storage = pickle.storages[i];
    file.entries.emplace_back(
        "archive/data/" + std::to_string(i),
        std::string(reinterpret_cast<const char*>(storage.data), storage.size));
  }
  file.entries.emplace_back("archive/version", "3\n");
  return file.bytes();
}

/// A float tensor over `bytes`, which outlive it.
inline PickleTensor float_tensor(
    const std::string& bytes,
    std::vector<int64_t> shape) {
  PickleTensor tensor;
  tensor.tensor.shape = std::move(shape);
  tensor.tensor.strides = contiguous_strides(tensor.tensor.shape);
  tensor.tensor.data = reinterpret_cast<const std::byte*>(bytes.data());
  tensor.storage.dtype = Dtype::F32;
  tensor.storage.data = tensor.tensor.data;
  tensor.storage.size = bytes.size();
  return tensor;
}

/// {"as_int": 2}, {"as_int": 3}
inline std::string sizes_json(const std::vector<int64_t>& sizes) {
  std::string text;
  for (const auto size : sizes) {
    text += (text.empty() ? "" : ", ") + std::string("{\"as_int\": ") +
        std::to_string(size) + "}";
  }
  return "[" + text + "]";
}

/// A member of a config: of floats, row-major unless strides are given.
inline std::string payload_json(
    const std::string& name,
    const std::string& path,
    const std::vector<int64_t>& shape,
    std::vector<int64_t> strides = {},
    int64_t offset = 0) {
  if (strides.empty()) {
    strides = contiguous_strides(shape);
  }
  return "\"" + name + "\": {\"path_name\": \"" + path +
      "\", \"is_param\": true, \"use_pickle\": false, \"tensor_meta\": "
      "{\"dtype\": 7, \"sizes\": " +
      sizes_json(shape) +
      ", \"requires_grad\": true, \"device\": {\"type\": \"cpu\", \"index\": "
      "null}, \"strides\": " +
      sizes_json(strides) +
      ", \"storage_offset\": {\"as_int\": " + std::to_string(offset) +
      "}, \"layout\": 7}}";
}

inline std::string config_json(const std::vector<std::string>& payloads) {
  std::string text;
  for (const auto& payload : payloads) {
    text += (text.empty() ? "" : ", ") + payload;
  }
  return "{\"config\": {" + text + "}}";
}

/// {"as_tensor": {"name": "x"}}
inline std::string tensor_json(const std::string& name) {
  return "{\"as_tensor\": {\"name\": \"" + name + "\"}}";
}

/// A node of tensors alone: arguments by the names of its schema.
inline std::string node_json(
    const std::string& target,
    const std::vector<std::pair<std::string, std::string>>& inputs,
    const std::string& output) {
  std::string text;
  for (const auto& [argument, value] : inputs) {
    text += (text.empty() ? "" : ", ") + std::string("{\"name\": \"") +
        argument + "\", \"arg\": " + tensor_json(value) + ", \"kind\": 1}";
  }
  return "{\"target\": \"torch.ops.aten." + target + "\", \"inputs\": [" +
      text + "], \"outputs\": [" + tensor_json(output) +
      "], \"metadata\": {\"nn_module_stack\": \"\"}}";
}

/// A text of JSON as a string in one.
inline std::string spec_json(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' ? "\\\"" : c == '\n' ? " " : std::string(1, c);
  }
  return quoted + "\"";
}

inline std::string program_json(const std::string& nodes) {
  const auto spec = [](const std::string& kind,
                       const std::string& value,
                       const std::string& target) {
    return "{\"" + kind + "\": {\"arg\": {\"name\": \"" + value + "\"}, \"" +
        kind + "_name\": \"" + target + "\"}}";
  };
  return "{\"graph_module\": {\"graph\": {\"inputs\": [" + tensor_json("p_w") +
      ", " + tensor_json("p_b") + ", " + tensor_json("p_t") + ", " +
      tensor_json("b_s") + ", " + tensor_json("c_k") + ", " + tensor_json("x") +
      "], \"outputs\": [" + tensor_json("add") + "], \"nodes\": [" + nodes +
      "], \"tensor_values\": {}, \"sym_int_values\": {}, \"sym_bool_values\": "
      "{}}, \"signature\": {\"input_specs\": [" +
      spec("parameter", "p_w", "fc.weight") + ", " +
      spec("parameter", "p_b", "fc.bias") + ", " +
      spec("parameter", "p_t", "tied") + ", " + spec("buffer", "b_s", "scale") +
      ", " + spec("tensor_constant", "c_k", "k") +
      ", {\"user_input\": {\"arg\": " + tensor_json("x") +
      "}}], \"output_specs\": [{\"user_output\": {\"arg\": " +
      tensor_json("add") +
      "}}]}, \"module_call_graph\": [{\"fqn\": \"\", \"signature\": "
      "{\"inputs\": [], "
      "\"outputs\": [], \"in_spec\": " +
      spec_json(
             R"([1, {"type": "builtins.tuple", "context": "null", "children_spec":
              [{"type": "builtins.tuple", "context": "null", "children_spec":
              [{"type": null}]}, {"type": "builtins.dict", "context": "[]",
              "children_spec": []}]}])") +
      ", \"out_spec\": " + spec_json(R"([1, {"type": null}])") +
      ", \"forward_arg_names\": [\"x\"]}}]}, \"opset_version\": {\"aten\": "
      "10}, "
      "\"range_constraints\": {}, \"schema_version\": {\"major\": 8, "
      "\"minor\": 20}, \"torch_version\": \"2.14.1\"}";
}

inline std::string program_json() {
  return program_json(
      node_json("mul.Tensor", {{"self", "x"}, {"other", "b_s"}}, "mul") + ", " +
      node_json(
          "linear.default",
          {{"input", "mul"}, {"weight", "p_w"}, {"bias", "p_b"}},
          "linear") +
      ", " +
      node_json("add.Tensor", {{"self", "linear"}, {"other", "c_k"}}, "add"));
}

/// What torch 2.8 and later write.
inline ArchiveBytes newer_exported() {
  ArchiveBytes file;
  file.entries = {
      {"net/data/weights/weight_0", float_bytes(32, 1)},
      {"net/data/weights/weight_1", float_bytes(8, 100)},
      {"net/data/weights/weight_2", float_bytes(4, 200)},
      {"net/data/weights/model_weights_config.json",
       config_json(
           {payload_json("fc.weight", "weight_0", {8, 4}),
            payload_json("fc.bias", "weight_1", {8}),
            payload_json("tied", "weight_0", {8, 4}),
            payload_json("scale", "weight_2", {4})})},
      {"net/data/constants/tensor_0", float_bytes(8, 300)},
      {"net/data/constants/model_constants_config.json",
       config_json({payload_json("k", "tensor_0", {8})})},
      {"net/models/model.json", program_json()},
      {"net/data/sample_inputs/model.pt", "none"},
      {"net/archive_format", "pt2"},
      {"net/archive_version", "0"},
      {"net/byteorder", "little"}};
  return file;
}

/// What torch 2.1 to 2.7 write.
inline ArchiveBytes older_exported() {
  const auto weight = float_bytes(32, 1);
  const auto bias = float_bytes(8, 100);
  const auto scale = float_bytes(4, 200);
  const auto k = float_bytes(8, 300);
  PickleDict state;
  state.set("fc.weight", float_tensor(weight, {8, 4}));
  state.set("fc.bias", float_tensor(bias, {8}));
  state.set("tied", float_tensor(weight, {8, 4}));
  state.set("scale", float_tensor(scale, {4}));
  PickleDict constants;
  constants.set("k", float_tensor(k, {8}));
  ArchiveBytes file;
  file.entries = {
      {"serialized_exported_program.json", program_json()},
      {"serialized_state_dict.pt", torch_save_bytes(state)},
      {"serialized_constants.pt", torch_save_bytes(constants)},
      {"version", "8.2"}};
  return file;
}

} // namespace coppice::testing
