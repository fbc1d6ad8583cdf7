// A user's library that calls libcoppice, for tests of --load: the program that
// loads it has its own copy of Coppice.

#include <coppice/sparse/operators.h>
#include <torch/library.h>

TORCH_LIBRARY(coppice_test_user, library) {
  library.def("halves(Tensor x) -> Tensor", [](const torch::Tensor& x) {
    const auto weight = torch::eye(x.size(-1)) * 0.5;
    return coppice::linear(
        x,
        coppice::PackedWeight::pack(
            weight,
            coppice::PackedWeightOptions(coppice::PackedFormat::BitmaskRows)));
  });
}
