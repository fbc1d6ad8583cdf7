// Registers ActivationSite with TorchScript: the class, which is saved with its
// module, and the op that passes an activation through a site.

#include <torch/custom_class.h>
#include <torch/library.h>

#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "coppice/core/activation_site.h"
#include "core/registered.h"

namespace coppice {
namespace {

using SitePtr = c10::intrusive_ptr<ActivationSite>;

/// An ActivationMask in TorchScript and Python: masks, whether they are per
/// feature, features, dimension.
using MaskTuple =
    std::tuple<std::vector<torch::Tensor>, bool, std::vector<int64_t>, int64_t>;

std::vector<MaskTuple> mask_tuples(const SitePtr& site) {
  std::vector<MaskTuple> tuples;
  for (const auto& mask : site->masks()) {
    tuples.emplace_back(
        mask.masks, mask.has_features, mask.features, mask.feature_dim);
  }
  return tuples;
}

// The saved state, (format, layer FQN, masks), has the type Any, so that the
// state of another version gets our own error message.
constexpr int64_t kFormat = 1;

c10::IValue saved_state(const SitePtr& site) {
  auto masks = mask_tuples(site);
  for (auto& mask : masks) {
    for (auto& tensor : std::get<0>(mask)) {
      // A copy, so that a view does not save its whole storage.
      tensor = tensor.detach().clone();
    }
  }
  return c10::ivalue::Tuple::create(kFormat, site->layer_fqn(), masks);
}

void check_saved(bool good, const std::string& what) {
  TORCH_CHECK_VALUE(
      good,
      "the saved state of an activation site is malformed: ",
      what,
      "; save the model again with this version of Coppice");
}

bool is_list(const c10::IValue& value, bool (c10::IValue::*is)() const) {
  if (!value.isList()) {
    return false;
  }
  for (const c10::IValue& each : value.toListRef()) {
    if (!(each.*is)()) {
      return false;
    }
  }
  return true;
}

ActivationMask loaded_mask(const c10::IValue& saved) {
  const bool good_tuple =
      saved.isTuple() && saved.toTupleRef().elements().size() == 4;
  check_saved(good_tuple, "a mask is not a tuple of four");
  const auto& parts = saved.toTupleRef().elements();
  check_saved(
      is_list(parts[0], &c10::IValue::isTensor) && parts[1].isBool() &&
          is_list(parts[2], &c10::IValue::isInt) && parts[3].isInt(),
      "a mask is not (tensors, bool, integers, integer)");
  ActivationMask mask;
  mask.has_features = parts[1].toBool();
  mask.feature_dim = parts[3].toInt();
  for (const c10::IValue& tensor : parts[0].toListRef()) {
    check_saved(tensor.toTensor().defined(), "a mask has an undefined tensor");
    mask.masks.push_back(tensor.toTensor());
  }
  for (const c10::IValue& feature : parts[2].toListRef()) {
    mask.features.push_back(feature.toInt());
  }
  const size_t wanted = mask.has_features ? mask.features.size() : 1;
  check_saved(
      mask.masks.size() == wanted,
      "a mask has " + std::to_string(mask.masks.size()) + " tensors and not " +
          std::to_string(wanted));
  return mask;
}

SitePtr loaded_site(const c10::IValue& saved) {
  check_saved(
      saved.isTuple() && !saved.toTupleRef().elements().empty() &&
          saved.toTupleRef().elements()[0].isInt(),
      "it does not begin with the number of its format");
  const auto& parts = saved.toTupleRef().elements();
  const int64_t format = parts[0].toInt();
  check_saved(
      format == kFormat,
      "its format is " + std::to_string(format) + " and not " +
          std::to_string(kFormat));
  check_saved(
      parts.size() == 3 && parts[1].isString() && parts[2].isList(),
      "it is not (format, layer, masks)");
  auto site = c10::make_intrusive<ActivationSite>(parts[1].toStringRef());
  for (const c10::IValue& mask : parts[2].toListRef()) {
    site->mask(loaded_mask(mask));
  }
  return site;
}

/// `ActivationSite("fc1", mask of shape [200])`
std::string as_text(const SitePtr& site) {
  std::ostringstream text;
  text << "ActivationSite(\"" << site->layer_fqn() << '"';
  for (const auto& mask : site->masks()) {
    text << ", mask of ";
    if (mask.has_features) {
      text << mask.features.size() << " features along dimension "
           << mask.feature_dim;
    } else {
      text << "shape " << mask.masks.at(0).sizes();
    }
  }
  text << ')';
  return text.str();
}

torch::Tensor activation_site(const torch::Tensor& x, const SitePtr& site) {
  return site->pass(x);
}

TORCH_LIBRARY_FRAGMENT(coppice, m) {
  if (core::is_registered("coppice::activation_site")) {
    return;
  }
  m.class_<ActivationSite>("ActivationSite")
      .def(torch::init<std::string>())
      .def("layer_fqn", [](const SitePtr& site) { return site->layer_fqn(); })
      .def("masks", &mask_tuples)
      .def("is_empty", &ActivationSite::is_empty)
      .def("__str__", &as_text)
      .def("__repr__", &as_text)
      .def_pickle(
          [](const SitePtr& site) { return saved_state(site); },
          [](c10::IValue saved) { return loaded_site(saved); });
  // Conservative aliasing: observers see every call, so none may be merged,
  // dropped or hoisted, and the output may be the input.
  m.def(
      torch::schema(
          "activation_site(Tensor x, "
          "__torch__.torch.classes.coppice.ActivationSite site) -> Tensor",
          c10::AliasAnalysisKind::CONSERVATIVE),
      &activation_site);
}

} // namespace
} // namespace coppice
