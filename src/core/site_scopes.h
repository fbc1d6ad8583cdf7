#pragma once

#include <unordered_map>

#include "coppice/core/activation_site.h"

namespace coppice {

/// Sites and the TorchScript objects that stand for them.
using SiteObjects = std::unordered_map<const ActivationSite*, c10::IValue>;

/// While it lives, LibTorch's tracer in this thread records what passes one of
/// these sites as a single node, `coppice::activation_site(x, object)`, and not
/// the operations inside. The tracer knows the objects as attributes of the
/// module that it traces.
class TracedSites {
 public:
  explicit TracedSites(const SiteObjects& objects);
  ~TracedSites();

  TracedSites(const TracedSites&) = delete;
  TracedSites& operator=(const TracedSites&) = delete;

  /// Null if this thread does not trace or does not know the site.
  static const c10::IValue* object_of(const ActivationSite& site);

 private:
  const SiteObjects* before_;
};

/// While it lives, no site calls its observers in this thread.
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
