// A library of a user's own op, for tests of --load.

#include <torch/library.h>
#include <torch/types.h>

TORCH_LIBRARY(coppice_test_ops, library) {
  library.def("twice(Tensor x) -> Tensor", [](const torch::Tensor& x) {
    return x * 2;
  });
}
