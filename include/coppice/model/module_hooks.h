#pragma once

#include <c10/util/Exception.h> // Used but not included by the next header.
#include <torch/ordered_dict.h>
#include <torch/types.h>

#include <memory>
#include <string>

#include "coppice/core/activation_site.h"
#include "coppice/export.h"
#include "coppice/model/hook_list.h"

namespace coppice::model {

/// The forward pre-hooks, activation site and forward hooks of a `Hooked`
/// module. A copy has its own copies of them.
///
/// It also preserves them when a parent is cloned. LibTorch then clones each
/// child, assigns the original class's part of the clone to a child that the
/// parent's `reset()` made (`Cloneable::clone_`, which is final), and destroys
/// the clone. Only members of the original class are copied, such as the table
/// of its parameters. So a clone adds a mark to that table, the name of an
/// undefined parameter, which LibTorch skips; when the clone is destroyed, its
/// hooks move to the module whose table has the mark.
class COPPICE_API ModuleHooks {
 public:
  using Parameters = torch::OrderedDict<std::string, torch::Tensor>;

  /// `parameters` are those of the module that holds this. Without a site if
  /// the first input is not a tensor.
  ModuleHooks(bool has_site, Parameters& parameters);
  ModuleHooks(const ModuleHooks& other);
  ModuleHooks& operator=(const ModuleHooks&) = delete;
  ~ModuleHooks();

  /// Marks a complete clone.
  void mark(Parameters& parameters);
  /// Unmarks a copy, before its base clones itself and counts its parameters.
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

  /// Passes the first input through the site.
  void enter(torch::Tensor& input) const;

 private:
  void take(ModuleHooks& clone);
  void hand_over();

  std::shared_ptr<HookList> pre_hooks_;
  c10::intrusive_ptr<ActivationSite> site_;
  std::shared_ptr<HookList> hooks_;
  Parameters* parameters_ = nullptr; ///< Null in an unmarked copy.
  std::string mark_;                 ///< Of a clone; else empty.
};

} // namespace coppice::model
