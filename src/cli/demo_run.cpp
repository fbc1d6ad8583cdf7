#include <coppice/report/table.h>
#include <fmt/format.h>
#include <torch/utils.h>

#include <filesystem>

#include "cli/blas.h"
#include "cli/demo.h"
#include "cli/demo_compile.h"
#include "cli/demo_phases.h"
#include "cli/gzip.h"
#include "coppice/io/output_file.h"

namespace coppice::cli {
namespace {

constexpr const char* kDebianFolder = "/usr/share/datasets/fashion-mnist";

ImageData read_data(const DemoOptions& options) {
  if (!options.data.empty()) {
    return read_image_folder(options.data);
  }
  if (std::filesystem::is_directory(kDebianFolder)) {
    auto data = read_image_folder(kDebianFolder);
    data.source = fmt::format("Fashion-MNIST ({})", kDebianFolder);
    return data;
  }
  auto data = draw_images(static_cast<uint64_t>(options.seed), 12000, 2000);
  data.source += " (for Fashion-MNIST install dataset-fashion-mnist)";
  return data;
}

/// That no file of the data is lost: what is written goes by fixed names.
void require_other_files(
    const DemoOptions& options,
    const std::vector<std::string>& outputs) {
  std::vector<std::string> inputs;
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(options.data, ignored)) {
    inputs.push_back(entry.path().string());
  }
  for (const auto& output : outputs) {
    require_other_file(output, inputs);
    require_writable(output);
  }
}

DemoModel save(DemoNet& net, const ImageSet& test, const std::string& path) {
  const std::string bytes = to_file_bytes(net);
  write_file(path, bytes);
  return {
      path,
      accuracy(net, test),
      static_cast<int64_t>(bytes.size()),
      static_cast<int64_t>(gzip_size(bytes))};
}

std::string in_folder(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

std::string with_commas(int64_t count) {
  return to_text(count, CellFormat::kCount);
}

/// What the lines that follow are about.
void introduce(const DemoLog& log, const DemoResult& result) {
  int64_t parameters = 0;
  for (const auto& parameter : DemoNet()->parameters()) {
    parameters += parameter.numel();
  }
  log.say(fmt::format(
      "Data: {}, {} training and {} test images.",
      result.source,
      with_commas(result.train_images),
      with_commas(result.test_images)));
  log.say(fmt::format(
      "Network: 2 convolutions and 2 linear layers, {} parameters; threads: "
      "{}.",
      with_commas(parameters),
      result.threads));
  log.say(
      "Below, accuracy is on the test images and sparsity that of the layers "
      "that are pruned.\n");
}

} // namespace

DemoResult run_demo(const DemoOptions& options) {
  const std::string dense_path = in_folder(options.out, "demo-dense.pt");
  const std::string sparse_path = in_folder(options.out, "demo.pt");
  const std::string compiled_path = in_folder(options.out, "demo-compiled.pt");
  const std::string page_path = in_folder(options.out, "demo.html");
  require_other_files(
      options, {dense_path, sparse_path, compiled_path, page_path});

  const DemoLog log(options.json);
  const ImageData data = read_data(options);
  DemoResult result;
  result.source = data.source;
  result.train_images = data.train.size();
  result.test_images = data.test.size();
  result.threads = use_threads(options.threads);
  introduce(log, result);

  torch::manual_seed(static_cast<uint64_t>(options.seed));
  DemoNet net;
  train_dense(net, data, options.epochs, log);
  result.dense = save(net, data.test, dense_path);
  train_sparse(net, data, options.epochs, log);
  result.sparse = save(net, data.test, sparse_path);

  // What counts is what the file holds.
  result.net = load_demo_net(sparse_path);
  result.sparse.accuracy = accuracy(result.net, data.test);
  log.say("compiling the sparse network");
  result.compiled =
      compile_demo(result.net, data.test, compiled_path, options.seconds);
  result.page = page_path;
  write_demo_page(result);
  result.seconds = log.seconds();
  return result;
}

} // namespace coppice::cli
