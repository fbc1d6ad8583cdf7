// Runs a file that `coppice compile` made, here of the model of examples/trace.
//
//   trace net.pt
//   coppice compile net.pt -o fast.pt --input 4x20:int64
//   run_compiled fast.pt
//
// You should see five numbers per line of text, the same as those of net.pt.
#include <coppice/coppice.h>
#include <torch/script.h>

#include <iostream>

int main(int argc, char** argv) {
  auto net = torch::jit::load(argc > 1 ? argv[1] : "fast.pt");
  const auto text = torch::arange(80).view({4, 20});
  std::cout << net.forward({text}).toTensor() << '\n';
}
