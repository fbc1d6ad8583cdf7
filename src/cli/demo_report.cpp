#include <coppice/masks/measure.h>
#include <coppice/model/model_view.h>
#include <coppice/report/json.h>
#include <coppice/report/table.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/blas.h"
#include "cli/compile_report.h"
#include "cli/demo.h"

namespace coppice::cli {
namespace {

constexpr BlockShape kBlock{1, 4};

/// Zeros among weights.
struct Zeros {
  int64_t zeros = 0;
  int64_t weights = 0;

  double share() const {
    return static_cast<double>(zeros) / static_cast<double>(weights);
  }
};

struct Totals {
  Zeros pruned; ///< In the layers that are pruned.
  Zeros all;    ///< In all parameters, biases and dense layers included.
};

Totals count_totals(const ModelView& model) {
  Totals totals;
  for (const auto& [fqn, tensor, is_parameter] : model.tensors()) {
    totals.all.zeros += count_zeros(tensor);
    totals.all.weights += tensor.numel();
  }
  for (const auto& layer : demo_layers()) {
    if (layer.is_pruned) {
      const auto tensor = model.at(layer.tensor_fqn);
      totals.pruned.zeros += count_zeros(tensor);
      totals.pruned.weights += tensor.numel();
    }
  }
  return totals;
}

Table layer_table(const ModelView& model) {
  Table table{
      {{"name", "layer"},
       {"shape", "shape"},
       {"weights", "weights", CellFormat::kCount},
       {"sparsity", "sparsity", CellFormat::kPercent},
       {"blocks_kept", "1x4 blocks kept", CellFormat::kCount},
       {"blocks", "of", CellFormat::kCount},
       {"note", "note"}},
      {}};
  for (const auto& layer : demo_layers()) {
    const auto weight = model.at(layer.tensor_fqn);
    const auto occupancy = block_occupancy(weight, kBlock);
    table.rows.push_back(
        {layer.tensor_fqn,
         fmt::format("{}", fmt::join(weight.sizes(), "x")),
         weight.numel(),
         sparsity(weight),
         occupancy.kept,
         occupancy.blocks,
         layer.note});
  }
  return table;
}

std::string percent(double share) {
  return to_text(share, CellFormat::kPercent);
}

std::string bytes(int64_t count) {
  return to_text(count, CellFormat::kBytes);
}

Table comparison(const DemoResult& result, const Totals& totals) {
  const auto& dense = result.dense;
  const auto& sparse = result.sparse;
  return {
      {{"what", ""},
       {"dense", "dense", CellFormat::kFigure},
       {"sparse", "sparse", CellFormat::kFigure}},
      {{std::string("accuracy on the test images"),
        percent(dense.accuracy),
        percent(sparse.accuracy)},
       {std::string("zeros in the pruned layers"),
        percent(0),
        percent(totals.pruned.share())},
       {std::string("zeros in all parameters"),
        percent(0),
        percent(totals.all.share())},
       {std::string("file"), bytes(dense.bytes), bytes(sparse.bytes)},
       {std::string("file, gzip"),
        bytes(dense.gzip_bytes),
        bytes(sparse.gzip_bytes)}}};
}

nlohmann::ordered_json model_json(const DemoModel& model) {
  return {
      {"path", model.path},
      {"accuracy", model.accuracy},
      {"bytes", model.bytes},
      {"gzip_bytes", model.gzip_bytes}};
}

nlohmann::ordered_json compiled_json_of(const DemoResult& result) {
  auto json = compiled_json(result.sparse.path, result.compiled.model);
  json["output"] = result.compiled.path;
  json["accuracy"] = result.compiled.accuracy;
  json["bytes"] = result.compiled.bytes;
  return json;
}

nlohmann::ordered_json zeros_json(const Zeros& zeros) {
  return {
      {"zeros", zeros.zeros},
      {"weights", zeros.weights},
      {"sparsity", zeros.share()}};
}

} // namespace

const std::vector<DemoLayer>& demo_layers() {
  static const std::vector<DemoLayer> layers{
      {"conv1.weight", false, "dense: too small to be worth it"},
      {"conv2.weight", true, "pruned"},
      {"fc1.weight", true, "pruned"},
      {"fc2.weight", false, "dense: a class a row, and small"}};
  return layers;
}

std::string demo_text(const DemoResult& result) {
  const ModelView model(*result.net);
  const Totals totals = count_totals(model);
  return fmt::format(
      "\n{}\n{}\n"
      "The sparse network was read from its file before it was judged.\n"
      "{} of the {} parameters are zero.\n"
      "\n"
      "The same sparse network on LibTorch's dense products, and compiled for "
      "this\n"
      "machine:\n"
      "\n"
      "{}\n"
      "{}\n"
      "\n"
      "{} gets {} of the test images right. {:.0f} seconds in all.\n"
      "\n"
      "Look at: {}\n"
      "Next: coppice inspect {}",
      to_text(layer_table(model)),
      to_text(comparison(result, totals)),
      to_text(totals.all.zeros, CellFormat::kCount),
      to_text(totals.all.weights, CellFormat::kCount),
      result.compiled.model.table(),
      compile_conditions(),
      result.compiled.path,
      percent(result.compiled.accuracy),
      result.seconds,
      result.page,
      result.sparse.path);
}

std::string demo_json(const DemoResult& result) {
  const ModelView model(*result.net);
  const Totals totals = count_totals(model);
  return json_text(
      {{"data", result.source},
       {"train_images", result.train_images},
       {"test_images", result.test_images},
       {"threads", result.threads},
       {"blas", blas_path()},
       {"seconds", result.seconds},
       {"dense", model_json(result.dense)},
       {"sparse", model_json(result.sparse)},
       {"pruned_layers", zeros_json(totals.pruned)},
       {"all_parameters", zeros_json(totals.all)},
       {"layers", to_json(layer_table(model))},
       {"compiled", compiled_json_of(result)},
       {"page", result.page}});
}

} // namespace coppice::cli
