#pragma once

#include <c10/util/Exception.h> // Used and not included by the next one.
#include <torch/ordered_dict.h>
#include <torch/types.h>

#include <memory>
#include <string>

#include "coppice/core/activation_site.h"
#include "coppice/model/hook_list.h"

namespace coppice::nn {

/// What a `Hooked` module has besides the module: its forward pre-hooks, its
/// activation site and its forward hooks. A copy has its own copies of them.
///
/// It also brings them through the clone of a parent. There LibTorch clones
/// each child and assigns the clone's original part to a child that the
/// parent's `reset()` made (`Cloneable::clone_`, which is final), then drops
/// the clone. What gets across is what the original class holds, such as the
/// table of its parameters. So a clone is marked there, by the name of a
/// parameter that is not defined and thus seen by nobody; and when a clone
/// goes, what it has goes to the module that came by its mark.
class ModuleHooks {
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

  /// Whether inputs and outputs pass as they are and nobody sees them.
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

} // namespace coppice::nn
