#include "sparsify/watched_inputs.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/utils.h>

#include "calibration/op_moments.h"

namespace coppice::sparsify {
namespace {

using torch::Tensor;

constexpr const char* kMoments = "second_moments";
constexpr const char* kPending = "pending_inputs";
constexpr const char* kRows = "input_rows";

void add_input(
    const graph::SiteReader& reader,
    const Tensor& x,
    std::mutex& mutex,
    std::vector<SecondMoments>& moments) {
  // Sums that begin in inference mode could not be added to outside of it.
  const c10::InferenceMode no_inference(false);
  const torch::NoGradGuard no_grad;
  TORCH_CHECK_VALUE(
      x.is_floating_point(),
      "the sparsifier watches floating inputs alone, and one of type ",
      x.scalar_type(),
      " entered");
  const auto calls = reader.calls(x.detach().to(torch::kCPU));
  TORCH_CHECK_VALUE(
      calls.size() == 1,
      "an input of shape ",
      x.sizes(),
      " does not fit the weight that the sparsifier watches");
  const std::lock_guard<std::mutex> lock(mutex);
  calibration::add_inputs(moments, calls.front());
}

const Tensor& tensor_in(const Values& values, const char* key) {
  const auto found = values.find(key);
  TORCH_CHECK_VALUE(
      found != values.end() && found->second.isTensor(),
      "load_state_dict: expected a tensor `",
      key,
      "` beside what was added up of inputs");
  return found->second.toTensor();
}

} // namespace

WatchedInputs::WatchedInputs(
    std::vector<graph::SiteReader> readers,
    const Tensor& tensor,
    SecondMoments::Kind kind)
    : readers_(std::move(readers)),
      sums_(std::make_shared<Sums>()),
      stored_sizes_(tensor.sizes().vec()) {
  const auto call = readers_.front().example().front();
  taken_sizes_ = call.weight.sizes().vec();
  const bool is_whole = call.weight.numel() == tensor.numel();
  const auto is_like = [&](const Tensor& other) {
    return call.weight.sizes() == other.sizes() &&
        call.weight.strides() == other.strides();
  };
  is_transposed_ = is_whole && !call.is_conv && tensor.dim() == 2 &&
      !is_like(tensor) && is_like(tensor.t());
  TORCH_CHECK_VALUE(
      is_whole && tensor.dim() >= 2 &&
          (call.is_conv || is_transposed_ ||
           call.weight.sizes() == tensor.sizes()),
      "its layer takes another part or another shape of it than is stored");
  sums_->moments = calibration::moments_for(call, kind);
}

WatchedInputs::~WatchedInputs() {
  detach();
}

void WatchedInputs::attach() {
  for (const auto& reader : readers_) {
    const auto id =
        reader.site->observe([reader, sums = sums_](const Tensor& x) {
          add_input(reader, x, sums->mutex, sums->moments);
        });
    attached_.emplace_back(reader.site, id);
  }
}

void WatchedInputs::detach() {
  for (const auto& [site, id] : attached_) {
    site->detach(id);
  }
  attached_.clear();
}

int64_t WatchedInputs::rows() const {
  const std::lock_guard<std::mutex> lock(sums_->mutex);
  return sums_->moments.front().rows();
}

const std::vector<SecondMoments>& WatchedInputs::moments() const {
  return sums_->moments;
}

Tensor WatchedInputs::as_taken(const Tensor& tensor) const {
  return (is_transposed_ ? tensor.t() : tensor).reshape(taken_sizes_);
}

Tensor WatchedInputs::as_stored(const Tensor& taken) const {
  return is_transposed_ ? taken.t().contiguous() : taken.reshape(stored_sizes_);
}

Values WatchedInputs::state() const {
  const torch::NoGradGuard no_grad;
  const std::lock_guard<std::mutex> lock(sums_->mutex);
  std::vector<Tensor> sums;
  std::vector<Tensor> pending;
  for (const auto& each : sums_->moments) {
    const auto state = each.state();
    sums.push_back(state.sums);
    pending.push_back(state.pending);
  }
  return {
      {kMoments, torch::stack(sums)},
      {kPending, torch::stack(pending)},
      {kRows, sums_->moments.front().rows()}};
}

std::vector<SecondMoments> WatchedInputs::taken_out_of(Values& values) const {
  if (values.count(kMoments) == 0) {
    return {};
  }
  const torch::NoGradGuard no_grad;
  const auto sums = tensor_in(values, kMoments);
  const auto pending = tensor_in(values, kPending);
  const auto rows = values.find(kRows);
  TORCH_CHECK_VALUE(
      rows != values.end() && rows->second.isInt() && rows->second.toInt() >= 0,
      "load_state_dict: expected a number of rows as `",
      kRows,
      "`");
  const auto& own = sums_->moments;
  const auto groups = static_cast<int64_t>(own.size());
  const auto features = own.front().features();
  const int64_t dims = own.front().kind() == SecondMoments::Kind::Full ? 3 : 2;
  TORCH_CHECK_VALUE(
      sums.dim() == dims && sums.size(0) == groups &&
          sums.size(-1) == features && pending.dim() == 3 &&
          pending.size(0) == groups,
      "load_state_dict: expected `",
      kMoments,
      "` of ",
      groups,
      groups == 1 ? " group" : " groups",
      " of ",
      features,
      " inputs, got shape ",
      sums.sizes());
  std::vector<SecondMoments> moments;
  for (int64_t i = 0; i < groups; ++i) {
    moments.push_back(SecondMoments::of_state(
        {sums[i].to(torch::kCPU),
         pending[i].to(torch::kCPU),
         rows->second.toInt()}));
  }
  for (const auto* key : {kMoments, kPending, kRows}) {
    values.erase(key);
  }
  return moments;
}

void WatchedInputs::set_moments(std::vector<SecondMoments> moments) {
  const std::lock_guard<std::mutex> lock(sums_->mutex);
  sums_->moments = std::move(moments);
}

} // namespace coppice::sparsify
