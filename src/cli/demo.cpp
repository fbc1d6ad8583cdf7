#include "cli/demo.h"

#include <iostream>
#include <memory>

#include "cli/blas.h"
#include "cli/commands.h"

namespace coppice::cli {
namespace {

constexpr const char* kDemoAbout =
    "Train a small network on Fashion-MNIST, prune it to 90% sparsity while "
    "training on, compile it, and compare all three.";

constexpr const char* kDemoExamples =
    "Without --data it reads /usr/share/datasets/fashion-mnist (Debian "
    "package\n"
    "dataset-fashion-mnist) or, if that is not there, draws its own images.\n"
    "\n"
    "Into the folder of --out go demo-dense.pt, demo.pt (the sparse network),\n"
    "demo-compiled.pt (the same on the products that are fastest here) and "
    "demo.html,\n"
    "a page that shows layer by layer what was gained.\n"
    "\n"
    "Examples:\n"
    "  coppice demo\n"
    "  coppice demo --epochs 2 --out /tmp/demo\n"
    "  coppice demo --data ~/mnist --json > mnist.json\n";

void add_options(CLI::App& command, DemoOptions& options) {
  command.add_option(
      "--data",
      options.data,
      "Folder of IDX files of 28x28 images, plain or gzip");
  command
      .add_option("--out", options.out, "Folder for the networks and the page")
      ->capture_default_str();
  command
      .add_option(
          "--epochs",
          options.epochs,
          "Epochs of dense training, and again of sparse training")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--seed", options.seed, "Start of the random numbers")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("--threads", options.threads, "Threads (default: all cores)")
      ->check(CLI::Range(1, 1024));
  command
      .add_option(
          "--seconds",
          options.seconds,
          "At most so long to measure a layer at a batch")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_flag("--json", options.json, "Print one JSON object, no text");
}

void print_demo(const DemoOptions& options) {
  warn_of_reference_blas();
  const DemoResult result = run_demo(options);
  std::cout << (options.json ? demo_json(result) : demo_text(result)) << '\n';
}

} // namespace

void add_demo(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("demo", kDemoAbout);
  command->footer(kDemoExamples);
  auto options = std::make_shared<DemoOptions>();
  add_options(*command, *options);
  command->callback([options, &chosen] {
    chosen = [options] {
      print_demo(*options);
      return kDone;
    };
  });
}

} // namespace coppice::cli
