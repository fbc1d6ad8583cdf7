#include "report.h"

#include <coppice/coppice.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "training.h"

namespace {

using coppice::CellFormat;

/// The weights in order, with the reason for pruning each or not.
const std::vector<std::pair<std::string, std::string>> kNotes{
    {"conv1.weight", "dense: too small to be worth it"},
    {"conv2.weight", "pruned"},
    {"fc1.weight", "pruned"},
    {"fc2.weight", "dense: a class a row, and small"}};

std::string bytes(int64_t number) {
  return coppice::to_text(number, CellFormat::kBytes);
}

/// Zeros among weights.
struct Zeros {
  int64_t zeros = 0;
  int64_t weights = 0;

  void add(const torch::Tensor& tensor) {
    zeros += coppice::count_zeros(tensor);
    weights += tensor.numel();
  }
  std::string share() const {
    return percent(static_cast<double>(zeros) / static_cast<double>(weights));
  }
};

} // namespace

SavedNet save_and_judge(
    const torch::jit::Module& net,
    const std::string& path,
    const ImageSet& test) {
  net.save(path);
  auto loaded = torch::jit::load(path);
  const auto forward = [&](const torch::Tensor& x) {
    return loaded.forward({x}).toTensor();
  };
  std::stringstream file;
  file << std::ifstream(path, std::ios::binary).rdbuf();
  return {
      path,
      loaded,
      accuracy(forward, test),
      static_cast<int64_t>(file.str().size()),
      gzip_size(file.str())};
}

void print_layers(const torch::jit::Module& net) {
  coppice::Table table{
      {{"name", "layer"},
       {"shape", "shape"},
       {"weights", "weights", CellFormat::kCount},
       {"sparsity", "sparsity", CellFormat::kPercent},
       {"blocks_kept", "1x4 blocks kept", CellFormat::kCount},
       {"blocks", "of", CellFormat::kCount},
       {"note", "note"}},
      {}};
  const coppice::ModelView model(net);
  for (const auto& [name, note] : kNotes) {
    const auto weight = model.at(name);
    const auto blocks = coppice::block_occupancy(weight, {1, 4});
    table.rows.push_back(
        {name,
         c10::Join("x", weight.sizes()),
         weight.numel(),
         coppice::sparsity(weight),
         blocks.kept,
         blocks.blocks,
         note});
  }
  std::cout << coppice::to_text(table);
}

void print_comparison(const SavedNet& dense, const SavedNet& sparse) {
  Zeros pruned;
  Zeros all;
  const coppice::ModelView model(sparse.net);
  for (const auto& name : kPruned) {
    pruned.add(model.at(name));
  }
  for (const auto& each : model.tensors()) {
    all.add(each.tensor);
  }
  const coppice::Table table{
      {{"what", ""},
       {"dense", "dense", CellFormat::kFigure},
       {"sparse", "sparse", CellFormat::kFigure}},
      {{"accuracy on the test images",
        percent(dense.accuracy),
        percent(sparse.accuracy)},
       {"zeros in the pruned layers", percent(0), pruned.share()},
       {"zeros in all parameters", percent(0), all.share()},
       {"file", bytes(dense.bytes), bytes(sparse.bytes)},
       {"file, gzip", bytes(dense.gzip_bytes), bytes(sparse.gzip_bytes)}}};
  std::cout
      << coppice::to_text(table)
      << "\nThe sparse network was loaded from its file for the evaluation.\n"
      << count(all.zeros) << " of the " << count(all.weights)
      << " parameters are zero.\n";
}

std::string percent(double share) {
  return coppice::to_text(share, CellFormat::kPercent);
}

std::string count(int64_t number) {
  return coppice::to_text(number, CellFormat::kCount);
}
