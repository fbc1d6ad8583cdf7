#pragma once

#include <unordered_map>

#include "coppice/core/activation_site.h"

namespace coppice {

/// Sites and their TorchScript objects.
using SiteObjects = std::unordered_map<const ActivationSite*, c10::IValue>;

/// During its lifetime, LibTorch's tracer in this thread records a pass through
/// one of these sites as a single node, `coppice::activation_site(x, object)`,
/// without the operations inside. The objects are attributes of the traced
/// module.
class TracedSites {
 public:
  explicit TracedSites(const SiteObjects& objects);
  ~TracedSites();

  TracedSites(const TracedSites&) = delete;
  TracedSites& operator=(const TracedSites&) = delete;

  /// Null if this thread does not trace or the site is not among them.
  static const c10::IValue* object_of(const ActivationSite& site);

 private:
  const SiteObjects* before_;
};

/// During its lifetime, no site calls its observers in this thread.
class QuietSites {
 public:
  QuietSites();
  ~QuietSites();

  QuietSites(const QuietSites&) = delete;
  QuietSites& operator=(const QuietSites&) = delete;

  static bool here();

 private:
  bool before_;
};

} // namespace coppice
