#include "core/site_scopes.h"

#include <torch/csrc/jit/frontend/tracer.h>

#include <utility>

namespace coppice {
namespace {

thread_local const SiteObjects* traced_objects = nullptr;
thread_local bool is_quiet = false;

} // namespace

TracedSites::TracedSites(const SiteObjects& objects)
    : before_(std::exchange(traced_objects, &objects)) {}

TracedSites::~TracedSites() {
  traced_objects = before_;
}

const c10::IValue* TracedSites::object_of(const ActivationSite& site) {
  if (traced_objects == nullptr || !torch::jit::tracer::isTracing()) {
    return nullptr;
  }
  const auto found = traced_objects->find(&site);
  return found == traced_objects->end() ? nullptr : &found->second;
}

QuietSites::QuietSites() : before_(std::exchange(is_quiet, true)) {}

QuietSites::~QuietSites() {
  is_quiet = before_;
}

bool QuietSites::here() {
  return is_quiet || torch::jit::tracer::isTracing();
}

} // namespace coppice
