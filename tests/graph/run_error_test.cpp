// Messages of LibTorch 1.13 to 2.14 for models that do not run, and our
// sentences for them.

#include "graph/run_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <new>

#include "graph/run_script.h"
#include "support/errors.h"

namespace coppice::graph::run_error_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The error of an op as wrapped by the interpreter, with both tracebacks.
std::string wrapped(const std::string& message) {
  return "The following operation failed in the TorchScript interpreter.\n"
         "Traceback of TorchScript, serialized code (most recent call last):\n"
         "  File \"code/__torch__/net.py\", line 8, in forward\n"
         "    x: Tensor) -> Tensor:\n"
         "    return torch.add(x, _0)\n"
         "           ~~~~~~~~~ <--- HERE\n"
         "\n"
         "Traceback of TorchScript, original code (most recent call last):\n"
         "  File \"/home/user/RuntimeError: net.py\", line 5, in forward\n"
         "    def forward(s, x): return x + 1\n"
         "                              ~~~~~ <--- HERE\n"
         "        return x\n"
         "RuntimeError: " +
      message + "\n";
}

struct Case {
  const char* message;
  const char* says;
};

const Case kCases[] = {
    // Half precision.
    {"\"addmm_impl_cpu_\" not implemented for 'Half'",
     "LibTorch has no `addmm_impl_cpu_` for float16 on the CPU: convert the "
     "model to float32 and save it again"},
    {"\"slow_conv2d_cpu\" not implemented for 'Half'", "convert the model"},
    {"\"LayerNormKernelImpl\" not implemented for 'Half'", "convert the model"},
    {"\"baddbmm_with_gemm\" not implemented for 'Half'", "convert the model"},
    {"\"softmax_lastdim_kernel_impl\" not implemented for 'BFloat16'",
     "for bfloat16 on the CPU: convert the model"},
    {"\"log_vml_cpu\" not implemented for 'Long'",
     "LibTorch has no `log_vml_cpu` for int64 on the CPU: give inputs of "
     "another dtype"},
    // GPUs.
    {"Could not run 'aten::empty.memory_format' with arguments from the "
     "'CUDA' backend. This could be because the operator doesn't exist for "
     "this backend, or was omitted during the selective/custom build process.",
     "its code asks for a GPU"},
    {"PyTorch is not linked with support for cuda devices", "asks for a GPU"},
    {"Cannot initialize CUDA without ATen_cuda library. PyTorch splits its "
     "backend into two shared libraries",
     "on the CPU and save it again"},
    {"No CUDA GPUs are available", "asks for a GPU"},
    {"Found no NVIDIA driver on your system.", "asks for a GPU"},
    {"Expected all tensors to be on the same device, but found at least two "
     "devices, cuda:0 and cpu!",
     "asks for a GPU"},
    {"Could not run 'aten::empty_strided' with arguments from the 'MPS' "
     "backend.",
     "asks for a GPU"},
    // Quantized tensors.
    {"Could not run 'aten::addmm' with arguments from the 'QuantizedCPU' "
     "backend. This could be",
     "LibTorch has no `aten::addmm` for quantized tensors: compile the model "
     "that it was quantized from"},
    {"Could not run 'quantized::linear' with arguments from the 'CPU' backend. "
     "This",
     "no `quantized::linear` for tensors of the kind CPU"},
    // Indices.
    {"index 12 is out of bounds for dimension 0 with size 4",
     "index 12 is out of bounds for dimension 0 with size 4"},
    {"index out of range in self", "an index is out of range of the table"},
    {"[enforce fail at embedding_lookup_idx.cc:214] 0 <= idx && idx < "
     "data_size. Index 0 is out of bounds: 7, range 0 to 5",
     "index 7 is out of range of a table with size 5"},
    {"Class values must be smaller than num_classes.",
     "an index is out of range: Class values"},
    {"select(): index 100 out of range for tensor of size [4, 6] at dimension "
     "0",
     "index 100 out of range"},
    {"list index out of range", "a list is shorter"},
    {"KeyError: img", "a dictionary has no entry `img`"},
    // Shapes.
    {"mat1 and mat2 shapes cannot be multiplied (4x6 and 5x5)",
     "the shapes do not fit: mat1 and mat2 shapes"},
    {"Given groups=1, weight of size [4, 3, 3, 3], expected input[1, 4, 8, 8] "
     "to have 3 channels, but got 4 channels instead",
     "the shapes do not fit: Given groups=1"},
    {"Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input "
     "of size: [8]",
     "the shapes do not fit"},
    {"The size of tensor a (6) must match the size of tensor b (5) at "
     "non-singleton dimension 1",
     "the shapes do not fit"},
    {"shape '[-1, 7]' is invalid for input of size 24", "do not fit"},
    {"running_mean should contain 5 elements not 6", "the shapes do not fit"},
    {"Calculated padded input size per channel: (2 x 2). Kernel size: (3 x 3). "
     "Kernel size can't be greater than actual input size",
     "the shapes do not fit"},
    {"Dimension out of range (expected to be in range of [-2, 1], but got 2)",
     "the shapes do not fit"},
    // Dtypes.
    {"expected scalar type Float but found Long",
     "the dtypes do not fit: expected scalar type float32 but found int64"},
    {"tensors used as indices must be long, byte or bool tensors",
     "the dtypes do not fit: tensors used as indices must be int64, uint8 or"},
    {"mat1 and mat2 must have the same dtype", "the dtypes do not fit"},
    {"mat1 and mat2 must have the same dtype, but got Double and Float",
     "but got float64 and float32"},
    {"Input type (c10::Half) and bias type (float) should be the same",
     "Input type (float16) and bias type (float32)"},
    {"Input type (long int) and bias type (float) should be the same",
     "Input type (int64)"},
    {"Expected tensor for argument #1 'indices' to have one of the following "
     "scalar types: Long, Int; but got CPUFloatType instead (while checking "
     "arguments for embedding)",
     "scalar types: int64, int32; but got float32 instead"},
    // Memory.
    {"[enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't "
     "allocate memory: you tried to allocate 70368744177664 bytes. Error code "
     "12 (Cannot allocate memory)",
     "there is not enough memory, of which it asked for 70368744177664 bytes "
     "at once: use a smaller batch"},
    // Autograd.
    {"element 0 of tensors does not require grad and does not have a grad_fn",
     "takes the gradient of a tensor without recorded gradients"},
    // Messages that the model raises.
    {"AssertionError: need more rows", "it says `need more rows`"},
    {"AssertionError: ", "an assertion of its code does not hold"},
    // Internal errors.
    {"t.defined() INTERNAL ASSERT FAILED at \"../aten/src/ATen/x.cpp\":12, "
     "please report a bug to PyTorch. the tensor is gone",
     "the tensor is gone"},
    {"forward() is missing value for argument 'train'. Declaration: "
     "forward(__torch__.___torch_mangle_6.B s, bool train) -> Tensor",
     "forward() is missing value for argument 'train'"},
    {"c10::ListType of __torch__.net.___torch_mangle_0.Net is odd",
     "ListType of Net is odd"},
};

TEST(RunError, SaysWhatIsWrongInPlainWords) {
  for (const auto& each : kCases) {
    for (const auto& text :
         {std::string(each.message), wrapped(each.message)}) {
      const auto said = run_error(text);
      EXPECT_THAT(said, HasSubstr(each.says)) << each.message;
      for (const char* inside :
           {"\n", "::Half", "c10", "__torch__", "Traceback", "RuntimeError"}) {
        EXPECT_THAT(said, Not(HasSubstr(inside)));
      }
    }
  }
}

TEST(RunError, PassesOverThePlacesOfATracedModel) {
  EXPECT_EQ(
      run_error(
          "The following operation failed in the TorchScript interpreter.\n"
          "Traceback of TorchScript, serialized code (most recent call last):\n"
          "  File \"code/__torch__/net.py\", line 10, in forward\n"
          "    _2 = torch.size(img, 1)\n"
          "         ~~~~~~~~~~ <--- HERE\n"
          "    return _2\n"
          "\n"
          "Traceback of TorchScript, original code (most recent call last):\n"
          "/home/user/einops/_backends.py(81): shape\n"
          "C:\\net\\train.py(98): <module>\n"
          "RuntimeError: odd (81): number\n"),
      "odd (81): number");
}

TEST(RunError, PassesOverSourceThatIsNotIndented) {
  EXPECT_EQ(
      run_error(
          "The following operation failed in the TorchScript interpreter.\n"
          "Traceback of TorchScript (most recent call last):\n"
          "  File \"<string>\", line 2, in forward\n"
          "  self.check(x)\n"
          "  ~~~~~~~~~~ <--- HERE\n"
          "def forward(self, x):\n"
          "  return self.rows[x]\n"
          "RuntimeError: index 9 is out of bounds\n"),
      "index 9 is out of bounds");
}

TEST(RunError, KeepsTheWordsOfAModelsOwnError) {
  EXPECT_EQ(
      run_error("builtins.ValueError: the shape is odd\nfor a GPU", true),
      "it says `the shape is odd for a GPU`");
  EXPECT_THAT(run_error("", true), HasSubstr("without a message"));
  EXPECT_THAT(run_error("Exception", true), HasSubstr("without a message"));
  EXPECT_EQ(run_error(std::bad_alloc()).find("there is not enough memory"), 0U);
}

std::string failure_of(const std::string& forward, const torch::Tensor& x) {
  torch::jit::Module net("Net");
  net.register_parameter("weight", torch::ones({2, 3}, torch::kDouble), false);
  net.define(forward);
  return testing::message_of([&] { run_script(net, {x}); });
}

TEST(RunError, ComesFromThisLibTorch) {
  const auto x = torch::ones({4, 3});
  const std::string head = "def forward(self, x):\n  ";
  EXPECT_THAT(
      failure_of(head + "assert x.size(0) > 9, 'too few'\n  return x\n", x),
      HasSubstr(": it says `too few`"));
  EXPECT_THAT(
      failure_of(head + "return torch.linear(x, self.weight)\n", x),
      ::testing::AllOf(
          HasSubstr("the dtypes do not fit"),
          HasSubstr("; its weights are float64")));
  EXPECT_THAT(
      failure_of(head + "return torch.zeros([9], device='cuda:0')\n", x),
      HasSubstr("its code asks for a GPU"));
  EXPECT_THAT(
      failure_of(head + "return torch.mm(x, x)\n", x),
      HasSubstr("the shapes do not fit"));
  EXPECT_THAT(
      failure_of(head + "return torch.ones([1 << 46])\n", x),
      HasSubstr("not enough memory"));
  EXPECT_THAT(
      failure_of(
          head + "return torch.embedding(self.weight, x.to(4) + 9)\n", x),
      HasSubstr("an index is out of range"));
}

} // namespace
} // namespace coppice::graph::run_error_test
