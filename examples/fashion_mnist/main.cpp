// Trains a network on Fashion-MNIST, makes it 90% sparse while it trains on,
// saves it, and compiles it for this machine. `script/demo` builds and runs it.
//
//   cmake -S examples/fashion_mnist -B build/example
//     -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=<where Coppice is
//     installed>
//   cmake --build build/example && build/example/fashion_mnist
//
// You should see about 91.5% of the test images right, dense and sparse, and a
// sparse network that is two to six times as fast once it is compiled.
// docs/measured.md shows the tables.
#include <coppice/coppice.h>
#include <getopt.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "images.h"
#include "report.h"
#include "training.h"

namespace {

constexpr const char* kHelp =
    R"(Usage: fashion_mnist [OPTION]...

Trains a network of 3.2 million parameters on Fashion-MNIST, drops nine of ten
of its weights during further training, and compiles the network for one image
and for 64.

  --data FOLDER   IDX files of 28x28 images, plain or gzip, under the names of
                  MNIST (default: those of Debian's dataset-fashion-mnist)
  --out FOLDER    where demo-dense.pt, demo.pt (the sparse network) and
                  demo-compiled.pt go (default: coppice-demo)
  --epochs N      of dense training, and again of sparse training (default: 5)
  --seed N        start of the random numbers (default: 0)
  --seconds S     time limit to measure a layer at a batch (default: 0.5)

OMP_NUM_THREADS in the environment sets the number of threads.
)";

struct Options {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string out = "coppice-demo";
  int64_t epochs = 5;
  int64_t seed = 0;
  double seconds = 0.5;
};

void introduce(
    const Options& options,
    const Net& net,
    int64_t train,
    int64_t test) {
  int64_t parameters = 0;
  for (const auto& parameter : net.parameters()) {
    parameters += parameter.numel();
  }
  std::cout << "Data: " << options.data << ", " << count(train)
            << " training and " << count(test) << " test images.\n"
            << "Network: 2 convolutions and 2 linear layers, "
            << count(parameters)
            << " parameters; threads: " << torch::get_num_threads() << ".\n"
            << "Below, accuracy is on the test images and sparsity that of the "
               "layers that are pruned.\n"
            << std::endl;
}

void compile(
    const Options& options,
    const torch::jit::Module& sparse,
    const ImageSet& test) {
  const auto compiled = coppice::compile(
      sparse,
      {to_input(test.images.slice(0, 0, 64))},
      coppice::CompileOptions()
          .batches({1, 64})
          .seconds_per_layer(options.seconds)
          .cache("")); // A demo measures anew and leaves nothing elsewhere.
  const auto saved =
      save_and_judge(compiled.module, options.out + "/demo-compiled.pt", test);
  std::cout << compiled.table() << "\nthreads: " << torch::get_num_threads()
            << ", processor: " << compiled.processor
            << ", medians of interleaved runs\n\n"
            << saved.path << " gets " << percent(saved.accuracy)
            << " of the test images right.\n";
}

void run(const Options& options) {
  std::filesystem::create_directories(options.out);
  const auto train = read_images(options.data, "train");
  const auto test = read_images(options.data, "t10k");
  torch::manual_seed(options.seed);
  Net net;
  introduce(options, net, train.size(), test.size());

  const auto start = std::chrono::steady_clock::now();
  const auto say = [&](const std::string& step, double loss, double sparsity) {
    const auto forward = [&](const torch::Tensor& x) { return net.forward(x); };
    const double right = accuracy(forward, test);
    const std::chrono::duration<double> passed =
        std::chrono::steady_clock::now() - start;
    std::printf(
        "%-18s loss %6.4f   accuracy %7s   sparsity %7s   %4.0f s\n",
        step.c_str(),
        loss,
        percent(right).c_str(),
        percent(sparsity).c_str(),
        passed.count());
    std::fflush(stdout);
  };
  const auto save = [&](const char* name) {
    const auto example = to_input(test.images.slice(0, 0, 1));
    return save_and_judge(
        coppice::trace(net, example), options.out + "/" + name, test);
  };
  train_dense(net, train, options.epochs, say);
  const auto dense = save("demo-dense.pt");
  train_sparse(net, train, options.epochs, say);
  const auto sparse = save("demo.pt");

  std::cout << '\n';
  print_layers(sparse.net);
  std::cout << '\n';
  print_comparison(dense, sparse);
  std::cout << "\nThe same sparse network on LibTorch's dense products, and "
               "compiled for this\nmachine:\n"
            << std::endl;
  compile(options, sparse.net, test);
}

constexpr const char* kSeeHelp = ": see `fashion_mnist --help`.";

/// Converts a whole text to a number.
///
/// Errors: std::invalid_argument, also if it is less than `least`.
template <typename Number>
Number number_from(const std::string& text, Number least) {
  std::istringstream stream(text);
  Number number{};
  const bool is_number = stream >> number && stream.peek() == EOF;
  if (!is_number || number < least) {
    throw std::invalid_argument(
        "an option cannot be " + (text.empty() ? "empty" : text) + kSeeHelp);
  }
  return number;
}

/// Errors: std::invalid_argument.
Options parse(int argc, char** argv) {
  const option names[] = {
      {"help", no_argument, nullptr, 'h'},
      {"data", required_argument, nullptr, 'd'},
      {"out", required_argument, nullptr, 'o'},
      {"epochs", required_argument, nullptr, 'e'},
      {"seed", required_argument, nullptr, 's'},
      {"seconds", required_argument, nullptr, 't'},
      {}};
  opterr = 0; // Errors are reported below.
  Options options;
  for (int letter;
       (letter = getopt_long(argc, argv, "h", names, nullptr)) >= 0;) {
    switch (letter) {
      case 'd':
        options.data = optarg;
        break;
      case 'o':
        options.out = optarg;
        break;
      case 'e':
        options.epochs = number_from<int64_t>(optarg, 1);
        break;
      case 's':
        options.seed = number_from<int64_t>(optarg, 0);
        break;
      case 't':
        options.seconds = number_from(optarg, 1e-3);
        break;
      case 'h':
        std::cout << kHelp;
        std::exit(0);
      default:
        throw std::invalid_argument(
            std::string("there is no such option, or its value is missing") +
            kSeeHelp);
    }
  }
  if (optind < argc) {
    throw std::invalid_argument(
        std::string(argv[optind]) + " is not an option" + kSeeHelp);
  }
  return options;
}

} // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
  } catch (const std::invalid_argument& error) {
    std::cerr << "fashion_mnist: " << error.what() << '\n';
    return 2;
  } catch (const c10::Error& error) {
    std::cerr << "fashion_mnist: " << error.what_without_backtrace() << '\n';
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "fashion_mnist: " << error.what() << '\n';
    return 1;
  }
}
