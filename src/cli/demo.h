#pragma once

#include <coppice/compile/compile.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cli/demo_net.h"
#include "cli/image_set.h"

namespace coppice::cli {

struct DemoOptions {
  std::string data; ///< Folder of IDX files; empty means look for one.
  std::string out = "coppice-demo";
  int64_t epochs = 5; ///< Of dense training, and again of sparse training.
  int64_t seed = 0;
  int threads = 0;      ///< 0 means one a core.
  double seconds = 0.5; ///< At most, to measure a layer at a batch.
  bool json = false;
};

/// A network on the disk and what it is worth.
struct DemoModel {
  std::string path;
  double accuracy = 0; ///< On the test images.
  int64_t bytes = 0;
  int64_t gzip_bytes = 0;
};

/// The sparse network once it is compiled.
struct DemoCompiled {
  std::string path;
  double accuracy = 0; ///< Of the file, on the test images.
  int64_t bytes = 0;
  CompiledModel model;
  bool is_disturbed = false; ///< See `Disturbance`.
};

/// What the demo found out.
struct DemoResult {
  std::string source;
  int64_t train_images = 0;
  int64_t test_images = 0;
  int threads = 0;
  DemoModel dense;
  DemoModel sparse;
  DemoNet net{nullptr}; ///< The sparse network, read from its file.
  DemoCompiled compiled;
  std::string page; ///< Where the HTML page is.
  double seconds = 0;
};

/// A weight of the demo's network, and why it is pruned or not.
struct DemoLayer {
  std::string tensor_fqn;
  bool is_pruned;
  std::string note;
};

/// The weights of the network in order.
const std::vector<DemoLayer>& demo_layers();

/// The share of blocks the demo drops in the layers it prunes.
constexpr double kDemoLevel = 0.9;

/// Trains dense, trains on under a rising sparsity level, saves both, compiles
/// the sparse network and writes a page about it.
///
/// Errors: InputError if the data is wrong, OutputError if nothing can be
/// written.
DemoResult run_demo(const DemoOptions& options);

/// What the demo prints at its end.
std::string demo_text(const DemoResult& result);
std::string demo_json(const DemoResult& result);

} // namespace coppice::cli
