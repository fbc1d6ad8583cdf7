// Writes a C++ model to a file that Python loads without its class.
//
//   cmake -S examples/trace -B build/example_trace \
//     -DCMAKE_PREFIX_PATH=<where Coppice is installed>
//   cmake --build build/example_trace
//   build/example_trace/trace net.pt
//   python3 examples/trace/load.py net.pt
//
// You should see (the second line from Python):
//
//   net.pt: 7 tensors; class 3 of 1000 lines
//   net.pt: 7 tensors; class 3 of 1000 lines; batch 1 works
//
// The class is the same in both lines, and may be another on your machine.
#include <coppice/coppice.h>
#include <torch/torch.h>

#include <cstdio>
#include <memory>

namespace {

/// Classifies lines of text, given as character codes [batch, length].
struct Net : torch::nn::Module {
  torch::Tensor forward(const torch::Tensor& text) {
    // The LSTM's initial state [1, batch, 64] has a batch size read in C++,
    // which without `check_inputs` would be a constant of the trace.
    const auto h = std::get<0>(lstm(embedding(text)));
    return fc(h.select(1, h.size(1) - 1));
  }

  torch::nn::Embedding embedding{
      register_module("embedding", torch::nn::Embedding(128, 32))};
  torch::nn::LSTM lstm{register_module(
      "lstm",
      torch::nn::LSTM(torch::nn::LSTMOptions(32, 64).batch_first(true)))};
  torch::nn::Linear fc{register_module("fc", torch::nn::Linear(64, 5))};
};

/// `count` lines, computed from their numbers.
torch::Tensor lines(int64_t count, int64_t length) {
  return (torch::arange(count * length) * 7919 % 128).view({count, length});
}

} // namespace

int main(int argc, char** argv) {
  const char* const path = argc > 1 ? argv[1] : "net.pt";
  torch::manual_seed(0);
  // Any torch::nn model, unmodified; trained, in a real program.
  auto model = std::make_shared<Net>();
  model->eval();

  const auto script = coppice::trace(
      model, lines(2, 11), coppice::TraceOptions().check_inputs(lines(3, 17)));
  script.save(path);

  // Python, or another C++ program, needs only the file.
  auto loaded = torch::jit::load(path);
  const auto text = lines(1000, 20);
  const auto expected = model->forward(text);
  const bool is_same = loaded.forward({text}).toTensor().equal(expected);
  std::printf(
      "%s: %zu tensors; class %ld of 1000 lines\n",
      path,
      model->parameters().size(),
      static_cast<long>(expected.sum(0).argmax().item<int64_t>()));
  return is_same ? 0 : 1;
}
