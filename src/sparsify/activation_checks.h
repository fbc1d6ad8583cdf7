#pragma once

#include <vector>

#include "coppice/core/activation_site.h"
#include "coppice/sparsify/activation_group.h"
#include "coppice/sparsify/activation_options.h"

/// What must hold before an activation sparsifier does its work. All throw
/// c10::ValueError.
namespace coppice::sparsify {

void check_has_site(const ActivationLayer& layer);

/// Features come with feature_dim.
void check_features(const ActivationOptions& options);

/// All three functions are there, and the mask function takes the sparse
/// configuration.
void check_functions(const ActivationOptions& options);

/// An activation entered every layer that is watched, and some is unless there
/// are no layers.
void check_can_step(const std::vector<ActivationGroup>& groups);

/// Every layer has a mask.
void check_can_squash(const std::vector<ActivationGroup>& groups);

} // namespace coppice::sparsify
