#pragma once

#include <c10/util/Exception.h> // Used and not included by the next one.
#include <torch/ordered_dict.h>
#include <torch/types.h>

#include <memory>
#include <string>

#include "coppice/core/activation_site.h"
#include "coppice/export.h"
#include "coppice/model/hook_list.h"

namespace coppice::model {

/// What a `Hooked` module has besides the module: its forward pre-hooks, its
/// activation site and its forward hooks. A copy has its own copies of them.
///
/// It also keeps them when a parent is cloned. LibTorch then clones each child,
/// assigns the original class's part of the clone to a child that the parent's
/// `reset()` made (`Cloneable::clone_`, which is final), and destroys the
/// clone. Only members of the original class are copied, such as the table of
/// its parameters. So a clone adds a mark to that table, the name of an
/// undefined parameter, which LibTorch skips; when it is destroyed, its hooks
/// move to the module whose table has the mark.
class COPPICE_API ModuleHooks {
 public:
  using Parameters = torch::OrderedDict<std::string, torch::Tensor>;

  /// `parameters` are those of the module, which holds this; without a site
  /// where the first input is no tensor.
  ModuleHooks(bool has_site, Parameters& parameters);
  ModuleHooks(const ModuleHooks& other);
  ModuleHooks& operator=(const ModuleHooks&) = delete;
  ~ModuleHooks();

  /// Of a clone, once it is complete.
  void mark(Parameters& parameters);
  /// Of a copy, before its base clones itself and counts its parameters.
  void unmark(Parameters& parameters);

  /// True if there are no hooks and the site does nothing.
  bool is_empty() const {
    return pre_hooks_->is_empty() && hooks_->is_empty() &&
        (site_ == nullptr || site_->is_idle());
  }
  const std::shared_ptr<HookList>& pre_hooks() const {
    return pre_hooks_;
  }
  const c10::intrusive_ptr<ActivationSite>& site() const {
    return site_;
  }
  const std::shared_ptr<HookList>& hooks() const {
    return hooks_;
  }

  /// Lets the first input through the site.
  void enter(torch::Tensor& input) const;

 private:
  void take(ModuleHooks& clone);
  void hand_over();

  std::shared_ptr<HookList> pre_hooks_;
  c10::intrusive_ptr<ActivationSite> site_;
  std::shared_ptr<HookList> hooks_;
  Parameters* parameters_ = nullptr; ///< Null in a copy that has no mark yet.
  std::string mark_;                 ///< Of a clone; empty of others.
};

} // namespace coppice::model
