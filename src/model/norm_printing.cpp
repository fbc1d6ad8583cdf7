// LibTorch 1.13 does not export the printing of its normalisation layers, so
// that classes derived from them, such as `Hooked` ones, do not link. These are
// the missing definitions, with the same output. Later versions define them in
// headers, where a specialization does no harm.
#include <torch/nn/functional/instancenorm.h> // The header below needs it.
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/instancenorm.h>

#include <ostream>
#include <string>

namespace {

void print_number(std::ostream& stream, double number) {
  stream << number;
}

void print_number(std::ostream& stream, const c10::optional<double>& number) {
  if (number) {
    stream << *number;
  } else {
    stream << "None";
  }
}

template <typename Options>
void print_norm(
    std::ostream& stream,
    const std::string& name,
    const Options& options) {
  const auto text = [](bool value) { return value ? "true" : "false"; };
  stream << "torch::nn::" << name << "(" << options.num_features()
         << ", eps=" << options.eps() << ", momentum=";
  print_number(stream, options.momentum());
  stream << ", affine=" << text(options.affine())
         << ", track_running_stats=" << text(options.track_running_stats())
         << ")";
}

} // namespace

namespace torch::nn {

template <>
void BatchNormImplBase<1, BatchNorm1dImpl>::pretty_print(
    std::ostream& stream) const {
  print_norm(stream, "BatchNorm1d", options);
}
template <>
void BatchNormImplBase<2, BatchNorm2dImpl>::pretty_print(
    std::ostream& stream) const {
  print_norm(stream, "BatchNorm2d", options);
}
template <>
void BatchNormImplBase<3, BatchNorm3dImpl>::pretty_print(
    std::ostream& stream) const {
  print_norm(stream, "BatchNorm3d", options);
}
template <>
void InstanceNormImpl<1, InstanceNorm1dImpl>::pretty_print(
    std::ostream& stream) const {
  print_norm(stream, "InstanceNorm1d", options);
}
template <>
void InstanceNormImpl<2, InstanceNorm2dImpl>::pretty_print(
    std::ostream& stream) const {
  print_norm(stream, "InstanceNorm2d", options);
}
template <>
void InstanceNormImpl<3, InstanceNorm3dImpl>::pretty_print(
    std::ostream& stream) const {
  print_norm(stream, "InstanceNorm3d", options);
}

} // namespace torch::nn
